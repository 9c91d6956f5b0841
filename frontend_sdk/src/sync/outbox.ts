import { readAll, readItem } from "../area.js";
import { isMassLoss } from "../cargo.js";
import { breathe } from "../pace.js";
import { ABSENT, printOf, type Acks, type Print } from "./acks.js";

/** A key whose value here is not what the server acknowledged. */
export interface Waiting {
  /** Undefined: the key was removed. */
  _value: string | undefined;
  _print: Print;
  /** When it was first seen to differ. */
  _since: number;
}

/** What must be sent is what differs: a write cannot be lost from a queue, because it is the entry itself. */
export interface Outbox {
  _waiting: Map<string, Waiting>;
  /** Values that are not sent as they are, and why: the server or a rule refused them, or somebody has to decide. */
  _held: Map<string, [print: Print, reason: string]>;
  /** To be looked at again; null means all of them. */
  _doubt(key: string | null): void;
  /** Looks at whatever is in doubt. */
  _look(): Promise<void>;
  /** True when nothing is in doubt. */
  _sure(): boolean;
  _hold(key: string, print: Print, reason: string): void;
  /** Deletions that are not sent before somebody said that they are meant: so much is gone at once. */
  _missing(): string[];
  /** The next keys to send, oldest first. */
  _next(count: number, bytes: number): [string, Waiting][];
  /** Keys of which somebody said that they are meant to be deleted. */
  _meant: Set<string>;
}

/** Most deletions at once that are believed: the app's limit, 0 where it has none, and the page's own. */
export type Limits = () => [app: number | undefined, page: number | undefined];

export const createOutbox = (area: Storage, acks: Acks, limits: Limits): Outbox => {
  // The engine hands out the same string again, so that comparing with what was last seen is comparing pointers.
  const known = new Map<string, [value: string, print: Print]>();
  const waiting: Outbox["_waiting"] = new Map();
  const held: Outbox["_held"] = new Map();
  const doubtful = new Set<string>();
  const meant = new Set<string>();
  let all = true;

  const examine = async (key: string): Promise<void> => {
    const value = readItem(area, key);
    let print = ABSENT;
    if (value === null) known.delete(key);
    else {
      if (known.get(key)?.[0] !== value) known.set(key, [value, await printOf(value)]);
      print = known.get(key)?.[1] ?? ABSENT;
    }
    const same = print === (acks._get(key)?.[0] ?? ABSENT);
    if (same) meant.delete(key);
    if (same || held.get(key)?.[0] !== print) held.delete(key);
    if (same || held.has(key)) waiting.delete(key);
    else waiting.set(key, { _value: value ?? undefined, _print: print, _since: waiting.get(key)?._since ?? Date.now() });
  };

  const missing = (): string[] => {
    const gone = [...waiting.keys()].filter((key) => waiting.get(key)!._value === undefined && !meant.has(key));
    const { length } = gone;
    const [app, page = Infinity] = limits();
    const lost = length > page || (app ? length > app : isMassLoss(length, acks._live().length, area.length));
    return lost ? gone : [];
  };

  const hold: Outbox["_hold"] = (key, print, reason) => {
    held.set(key, [print, reason]);
    if (waiting.get(key)?._print === print) waiting.delete(key);
  };

  return {
    _waiting: waiting,
    _held: held,
    _doubt(key) {
      if (key === null) all = true;
      else doubtful.add(key);
    },
    async _look() {
      if (all) {
        all = false;
        const items = await readAll(area);
        for (const [key, value] of items) {
          await breathe();
          const seen = known.get(key);
          if (seen?.[0] !== value || seen[1] !== acks._get(key)?.[0]) doubtful.add(key);
        }
        for (const key of [...acks._live(), ...known.keys()]) if (!items.has(key)) doubtful.add(key);
      }
      for (const key of doubtful) {
        doubtful.delete(key);
        await breathe();
        await examine(key);
      }
    },
    _sure: () => !all && !doubtful.size,
    _hold: hold,
    _missing: missing,
    _meant: meant,
    _next(count, bytes) {
      const kept = new Set(missing());
      const batch: [string, Waiting][] = [];
      let size = 0;
      for (const [key, entry] of waiting) {
        if (kept.has(key)) continue;
        size += key.length + (parseInt(entry._print) || 0);
        if (batch.length && (size > bytes || batch.length >= count)) break;
        batch.push([key, entry]);
      }
      return batch;
    },
  };
};
