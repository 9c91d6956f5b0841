import type { Cargo } from "./cargo.js";
import { isMassLoss } from "./cargo.js";
import { problem } from "./problem.js";
import type { Transport } from "./transport.js";
import { wirePrint, type Entry, type ManifestCollection } from "./table.js";

/** What the server holds in each bucket that differs: key as JSON text, fingerprint. */
export type Differing = Record<string, Record<string, [keyJson: string, print: string][]>>;

/** A manifest's collections as the questions about differences want them. */
export const question = (collections: ManifestCollection[]) => ({
  collections: collections.map(({ name, patterns, buckets }) => ({ name, patterns, buckets })),
});

/** An entry the server has set aside, as its answer names it. */
export interface Refused {
  key_json: string;
  fingerprint: string;
  code: string;
}

/** Compares with the server's records, in as many answers as it takes: one reaches only so far. */
export const compareRecords = async (
  net: Transport,
  collections: ManifestCollection[],
): Promise<[differing: Differing, refused: Refused[]]> => {
  // Without a prototype: collections are called what apps call them.
  const found: Differing = Object.create(null);
  const refused: Refused[] = [];
  for (let first = "00"; ; ) {
    const _json = { ...question(collections), first };
    const { _body } = await net._send("POST", "/records/digests", { _json });
    for (const [name, buckets] of Object.entries(_body.differing as Differing)) Object.assign((found[name] ??= {}), buckets);
    refused.push(...((_body.quarantined as Refused[] | undefined) ?? []));
    if (!(_body.next > first)) return [found, refused];
    first = _body.next;
  }
};

/** Splits a difference: lines of ours the server lacks, and keys only the server has. */
export const compare = (cargo: Cargo, differing: Differing): [lacking: Entry[], extra: Map<string, string>] => {
  const there = new Map<string, string>();
  for (const buckets of Object.values(differing))
    for (const pairs of Object.values(buckets))
      for (const [keyJson, print] of pairs) there.set(JSON.parse(keyJson), print);
  const lacking: Entry[] = [];
  for (const entry of cargo._table.values()) {
    if (differing[entry._collection]?.[entry._bucket] && there.get(entry._key) !== wirePrint(entry))
      lacking.push(entry);
    there.delete(entry._key);
  }
  return [lacking, there];
};

/**
 * The lines to send so that the server's side of the run becomes the table. Keys only the server has were
 * removed since: their deletion is sent, unless so much is missing, or something is withheld now, that
 * this run can no longer be made true. Then it is `run_expired`, and another begins.
 */
export const reconcile = async (cargo: Cargo, differing: Differing): Promise<Entry[]> => {
  const [lacking, extra] = compare(cargo, differing);
  const keys = [...extra.keys()];
  const { size } = cargo._table;
  const unexplained = keys.some((key) => cargo._withheld.has(key) || cargo._refused.has(key));
  if (unexplained || isMassLoss(keys.length, keys.length + size, size)) throw problem("run_expired");
  const deletions = await cargo._admit(keys.map((key) => [key]));
  return [...lacking, ...deletions.filter((entry) => wirePrint(entry) !== extra.get(entry._key))];
};
