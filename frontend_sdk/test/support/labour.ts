import { vi } from "vitest";

/**
 * A clock that only work moves. Each piece of work that grows with the storage is charged what it costs on a slow
 * machine, however long it takes here; so the longest stretch without a pause is the same on every machine, busy or not.
 * Not charged is what the browser does in one piece whoever asks (naming all keys, compressing, `crypto.subtle`).
 */

/** Milliseconds a call costs, and each unit of what it is given. */
const PRICES = {
  read: [0.002, 0],
  json: [0.001, 0.000_01],
  encode: [0.001, 0.000_005],
  match: [0.001, 0.000_005],
  hash: [0.002, 0.000_03],
  mark: [0.001, 0.000_01],
  // A chunk body as JSON inside a request, a string put together byte by byte.
  bytes: [0.001, 0.000_01],
} as const;

type Kind = keyof typeof PRICES;

export interface Labour {
  /** Does something without charging for it. */
  aside<T>(work: () => T): T;
  /** The longest stretch of work without a turn of the event loop so far, in ms; begins anew when asked. */
  longest(): number;
  stop(): void;
}

let spent = 0;

/** Charges work that cannot be charged from here. */
export const charge = (kind: Kind, units: number): void => {
  spent += PRICES[kind][0] + PRICES[kind][1] * units;
};

/** A port that speaks at the event loop's next turn: Node's own hands out many messages within one. */
class TurnChannel {
  port1 = { onmessage: null as (() => void) | null, close() {} };
  port2 = { postMessage: () => void setImmediate(() => this.port1.onmessage?.()) };
}

/** Replaces a method by one that is charged for the length of its text; returns how to put it back. */
const price = (owner: any, name: string, kind: Kind, units: (this: any, text: any, result: any) => number) => {
  const original = owner[name];
  owner[name] = function (this: unknown, ...args: any[]) {
    const result = original.apply(this, args);
    charge(kind, units.call(this, args[0], result));
    return result;
  };
  return () => (owner[name] = original);
};

/** How much of a text a pattern looked at: what is bound to the beginning and fails looked at hardly any. */
function looked(this: RegExp, text: string, found: RegExpExecArray | null): number {
  return found ? found.index + found[0].length : this.source.startsWith("^") ? 0 : text.length;
}

export const watchLabour = (area: Storage): Labour => {
  const lengthOf = (text: any) => text?.length ?? 0;
  vi.stubGlobal("MessageChannel", TurnChannel);
  vi.spyOn(performance, "now").mockImplementation(() => spent);
  const restore = [
    price(area, "getItem", "read", () => 0),
    price(JSON, "stringify", "json", (_, result) => lengthOf(result)),
    price(JSON, "parse", "json", lengthOf),
    price(TextEncoder.prototype, "encode", "encode", lengthOf),
    price(RegExp.prototype, "exec", "match", looked),
    price(String, "fromCharCode", "bytes", () => 0),
    price(globalThis, "btoa", "bytes", lengthOf),
  ];
  let before = spent;
  let longest = 0;
  let beating = true;
  const beat = () => {
    longest = Math.max(longest, spent - before);
    before = spent;
    if (beating) setImmediate(beat);
  };
  beat();
  return {
    aside(work) {
      const before = spent;
      const result = work();
      spent = before;
      return result;
    },
    longest() {
      const found = Math.max(longest, spent - before);
      [longest, before] = [0, spent];
      return found;
    },
    stop() {
      beating = false;
      restore.forEach((back) => back());
    },
  };
};
