import type { Pair } from "../codec.js";
import { CLAIM, type Host } from "../host.js";
import { problem } from "../problem.js";

/** The server's copy, asked for by key. */

/** What the server holds under a key; revision 0: it never held anything. */
export type Held = [value: string | null, revision: number];

const MOST_KEYS = 100;

/** Rejects with the code `timeout` where something takes too long. */
export const within = <T>(ms: number, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(problem("timeout")), ms);
    void work.then(resolve, reject).finally(() => clearTimeout(timer));
  });

/** Throws where the account a request just spoke for is not the one this browser's data belongs to. */
export const assertOwn = async ({ _store, _net }: Host): Promise<void> => {
  const claim = await _store._get<string>(CLAIM);
  if (claim !== undefined && claim !== _net._subject()) throw problem("claimed_by_other");
};

export const askKeys = async (host: Host, keys: string[]): Promise<Map<string, Held>> => {
  const found = new Map<string, Held>();
  const left = [...keys];
  while (left.length) {
    const _json = { keys: left.slice(0, MOST_KEYS).map((key) => JSON.stringify(key)) };
    const { _body } = await host._net._send("POST", "/records/read", { _json });
    const records: { line: string; revision: number }[] = _body.records;
    // An answer may end early where values are large, but it holds one at least.
    if (!records.length) throw problem("internal");
    left.splice(0, records.length);
    for (const { line, revision } of records) {
      const [key, value] = JSON.parse(line) as Pair;
      found.set(key, [value ?? null, revision]);
    }
  }
  await assertOwn(host);
  return found;
};

/** Keys that are asked for at about the same time travel together. */
export const createAsking = (open: () => Promise<Host>) => {
  let waiting: [key: string, resolve: (held: Held) => void, reject: (reason: unknown) => void][] = [];
  const flush = async () => {
    const batch = waiting;
    waiting = [];
    try {
      const found = await askKeys(await open(), [...new Set(batch.map(([key]) => key))]);
      for (const [key, resolve] of batch) resolve(found.get(key)!);
    } catch (thrown) {
      for (const [, , reject] of batch) reject(thrown);
    }
  };
  return (key: string): Promise<Held> =>
    new Promise((resolve, reject) => {
      if (waiting.push([key, resolve, reject]) === 1) setTimeout(flush);
    });
};
