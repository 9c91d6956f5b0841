import type { Clock, Living } from "../clock.js";
import type { Dice } from "../dice.js";

/**
 * IndexedDB as far as it is used: one store, read and written in transactions. One that writes has the store to
 * itself, is on the disk before it is complete, and comes to nothing when its tab ends before that, unless all of it
 * was said already and committed.
 */

type Callback = (() => void) | null;
interface Wanted {
  result: unknown;
  onsuccess: Callback;
}

interface Transaction {
  tab: Living;
  ready: Wanted[];
  keys: string[];
  written: Map<string, unknown>;
  writes: boolean;
  committed: boolean;
  oncomplete: Callback;
  onabort: Callback;
}

/** What a copy of the structured kind makes of a word. */
const copied = <T>(value: T): T => (typeof value === "object" ? structuredClone(value) : value);

export class Database {
  /** The likelihood that a transaction is aborted. */
  failing = 0;
  /** Opening never ends. */
  blocked = false;
  words = new Map<string, unknown>();
  /** Connections opened before this is raised are closed. */
  #era = 0;
  readonly #waiting: Transaction[] = [];
  #busy = false;

  constructor(
    readonly clock: Clock,
    readonly dice: Dice,
  ) {}

  /** The user or the browser throws it away. */
  wipe(): void {
    this.words = new Map();
    this.#era++;
  }

  factory(tab: Living): IDBFactory {
    const open = () => {
      const request: any = { result: undefined };
      const answer = () => {
        request.result = this.#connection(tab);
        if (!this.words.has("\0made")) {
          this.words.set("\0made", true);
          request.onupgradeneeded?.();
        }
        request.onsuccess?.();
      };
      if (!this.blocked) this.clock.after(1 + this.dice.below(3), answer, tab);
      return request;
    };
    return { open } as unknown as IDBFactory;
  }

  #connection(tab: Living) {
    const era = this.#era;
    return {
      createObjectStore: () => undefined,
      close: () => undefined,
      transaction: (_store: string, mode: string) => {
        if (era !== this.#era) throw new DOMException("closed", "InvalidStateError");
        return this.#begin(tab, mode === "readwrite");
      },
    };
  }

  #begin(tab: Living, writes: boolean) {
    const made: Transaction = {
      tab,
      ready: [],
      keys: [],
      written: new Map(),
      writes,
      committed: false,
      oncomplete: null,
      onabort: null,
    };
    const store = {
      get: (key: string) => {
        const wanted: Wanted = { result: undefined, onsuccess: null };
        made.keys.push(key);
        made.ready.push(wanted);
        return wanted;
      },
      put: (value: unknown, key: string) => void made.written.set(key, copied(value)),
      delete: (key: string) => void made.written.set(key, undefined),
    };
    this.#waiting.push(made);
    this.clock.after(0, () => this.#next());
    return Object.assign(made, { objectStore: () => store, commit: () => void (made.committed = true) });
  }

  #next(): void {
    if (this.#busy) return;
    const one = this.#waiting.shift();
    if (!one) return;
    this.#busy = true;
    this.clock.after(this.dice.below(2), () => this.#read(one));
  }

  #read(one: Transaction): void {
    if ((one.tab.alive || one.committed) && !this.dice.chance(this.failing)) {
      one.ready.forEach((wanted, at) => (wanted.result = copied(this.words.get(one.keys[at]!))));
      for (const wanted of one.ready) wanted.onsuccess?.();
      this.clock.after(this.dice.below(3), () => this.#commit(one));
    } else this.#end(one, one.onabort);
  }

  #commit(one: Transaction): void {
    if (one.tab.alive || one.committed) for (const [key, value] of one.written) this.words.set(key, value);
    this.#end(one, one.oncomplete);
  }

  #end(one: Transaction, said: Callback): void {
    this.#busy = false;
    this.clock.after(this.dice.below(2), () => said?.(), one.tab);
    this.#next();
  }
}
