import type { Clock } from "../clock.js";

/** The localStorage of one origin in one profile, as all its documents see it, and as the disk has it. */

type Heard = (key: string | null) => void;

interface Undo {
  at: number;
  key: string;
  before: string | undefined;
}

// A browser that dies may lose so much: Chromium lost three seconds and never five.
const UNWRITTEN_MS = 5000;

export class Area {
  readonly items = new Map<string, string>();
  readonly #documents = new Map<object, Heard>();
  #undo: Undo[] = [];

  constructor(readonly clock: Clock) {}

  /** The storage as one document sees it; `heard` is told what others write, `writes` what this one is about to. */
  view(document: object, heard?: Heard, writes?: (key: string, value: string | undefined) => void): Storage {
    if (heard) this.#documents.set(document, heard);
    const { items } = this;
    const view = {
      get length() {
        return items.size;
      },
      key: (index: number) => [...items.keys()][index] ?? null,
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => (writes?.(key, value), this.set(key, value, document)),
      removeItem: (key: string) => (writes?.(key, undefined), this.set(key, undefined, document)),
      clear: () => this.clear(document),
    };
    return view as Storage;
  }

  forget(document: object): void {
    this.#documents.delete(document);
  }

  set(key: string, value: string | undefined, by?: object): void {
    const before = this.items.get(key);
    if (before === value) return;
    this.#note(key, before);
    if (value === undefined) this.items.delete(key);
    else this.items.set(key, value);
    this.#tell(key, by);
  }

  clear(by?: object): void {
    if (!this.items.size) return;
    for (const [key, value] of this.items) this.#note(key, value);
    this.items.clear();
    this.#tell(null, by);
  }

  /** The browser evicts or loses everything, and no document hears of it. */
  evict(): void {
    this.items.clear();
    this.#undo = [];
  }

  /** The browser dies: what was written in the last `ms` is gone. The keys that are otherwise now are returned. */
  crash(ms: number): string[] {
    const lost = new Set<string>();
    const since = this.clock.now - Math.min(ms, UNWRITTEN_MS);
    for (const { at, key, before } of this.#undo.reverse()) {
      if (at < since) continue;
      lost.add(key);
      if (before === undefined) this.items.delete(key);
      else this.items.set(key, before);
    }
    this.#undo = [];
    return [...lost];
  }

  #note(key: string, before: string | undefined): void {
    const old = this.clock.now - UNWRITTEN_MS;
    if (this.#undo[0] && this.#undo[0].at < old - UNWRITTEN_MS) this.#undo = this.#undo.filter(({ at }) => at >= old);
    this.#undo.push({ at: this.clock.now, key, before });
  }

  #tell(key: string | null, by?: object): void {
    for (const [document, heard] of this.#documents) if (document !== by) heard(key);
  }
}
