import { markOf } from "../mark.js";
import type { Store } from "../store.js";

/**
 * The acknowledged table: what the server is known to hold of each key. Kept as a few maps by a hash of the key, which
 * IndexedDB takes a hundred times faster than a row a key.
 */

/** Says whether two values are the same. Begins with the size in bytes; absent is the empty one. */
export type Print = string;

export const ABSENT: Print = "";

/** No value has it. Where a newer word could not come down: whatever stands here is sent, and the server decides. */
export const OVERTAKEN: Print = "?";

/** Former values that may stand here again if the browser dies, each with the browser's time since when it is former. */
export type Previous = Map<Print, number>;

/** `at` is the browser's time of the ack, `disputed` what was sent and waits for somebody to decide. */
export type Ack = [print: Print, previous: Previous, at: number, revision: number, disputed?: Print];

/** So long after a write a browser that dies may still lose it. */
export const TORN_MS = 30_000;

/** The next ack of a key: it remembers the last one's value, and those that were in its place just before. */
export const ackOf = (known: Ack | undefined, print: Print, revision: number): Ack => {
  const [former, previous] = known ?? [ABSENT, []];
  const now = Date.now();
  return [print, new Map([...previous].filter(([, since]) => now - since < TORN_MS)).set(former, now), now, revision];
};

/** The row of a key whose value here is still to be sent, although the server holds a newer one than was acknowledged. */
export const overtaken = (known: Ack | undefined): Ack => ackOf(known, OVERTAKEN, known?.[3] ?? 0);

export type Row = [key: string, ack: Ack | undefined];

export interface Acks {
  _get(key: string): Ack | undefined;
  _rows(): [string, Ack][];
  /** Keys the server holds a value of. */
  _live(): string[];
  /** Reads everything anew. */
  _load(): Promise<void>;
  /** Takes rows another tab has written. */
  _hear(rows: Row[]): void;
  _put(rows: Row[]): Promise<void>;
}

const SHARDS = 64;
// Longer keys are told apart well enough by their beginning.
const HASHED_UNITS = 256;

type Shard = Map<string, Ack>;

const shardOf = (key: string): number => {
  let sum = 0;
  for (let i = 0; i < key.length && i < HASHED_UNITS; i++) sum = (Math.imul(sum, 31) + key.charCodeAt(i)) | 0;
  return sum & (SHARDS - 1);
};

export const printOf = async (value: string | null | undefined): Promise<Print> => {
  if (value == null) return ABSENT;
  const [low, high, bytes] = await markOf(value);
  return [bytes, low, high].join();
};

export const createAcks = (store: Store): Acks => {
  const all: Shard = new Map();

  const set = (into: Shard, rows: Row[]): Shard => {
    for (const [key, ack] of rows) {
      if (ack) into.set(key, ack);
      else into.delete(key);
    }
    return into;
  };

  /** Reads or changes some shards in one go. */
  const touch = async (numbers: number[], change?: (old: Shard | undefined, at: number) => Shard): Promise<Row[]> =>
    (await store._several(numbers.map((shard) => "acks:" + shard), change)).flatMap((shard) => [...(shard ?? [])]);

  return {
    _get: (key) => all.get(key),
    _rows: () => [...all],
    _live: () => [...all].flatMap(([key, [print]]) => (print ? [key] : [])),
    async _load() {
      const stored = await touch([...Array(SHARDS).keys()]);
      // Where nothing lasts, what was heard is all there is.
      if (store._durable()) all.clear();
      set(all, stored);
    },
    _hear: (rows) => set(all, rows),
    async _put(rows) {
      const numbers = [...new Set(rows.map(([key]) => shardOf(key)))];
      const of = (shard: number) => rows.filter(([key]) => shardOf(key) === shard);
      set(set(all, await touch(numbers, (old, at) => set(old ?? new Map(), of(numbers[at]!)))), rows);
    },
  };
};
