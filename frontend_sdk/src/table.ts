import { base64url, encodeLine, type Binary, type Pair } from "./codec.js";
import { bucketOf, keyHash, setDigest } from "./digest.js";
import { markOfEntry, type Mark } from "./mark.js";
import { breathe } from "./pace.js";
import { sha256 } from "./sha256.js";
import type { CollectionPattern, WithheldEntry } from "./types.js";

/** One pair as it travels; without a value, its deletion. */
export interface Entry {
  _key: string;
  _value: string | undefined;
  _collection: string;
  _bucket: string;
  _print: Binary;
  _mark: Mark;
  /** Bytes of the canonical line. */
  _size: number;
  /** What the server held of this key before: counts again if this one is refused. */
  _before?: Entry;
}

/** The latest line of every key of a run: what the manifest tells about. */
export type Table = Map<string, Entry>;

export const isLive = ({ _value }: Entry): boolean => _value !== undefined;

const describeOne = async (pair: Pair, label: (key: string) => string): Promise<Entry> => {
  const [_key, _value] = pair;
  const bytes = await encodeLine(pair);
  const [_print, hash] = await Promise.all([sha256(bytes), keyHash(_key)]);
  const _mark = await markOfEntry(_key, _value ?? "");
  return { _key, _value, _collection: label(_key), _bucket: bucketOf(hash), _print, _mark, _size: bytes.length };
};

export const describe = async (pairs: Iterable<Pair>, label: (key: string) => string): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for (const pair of pairs) {
    await breathe();
    entries.push(await describeOne(pair, label));
  }
  return entries;
};

export interface ManifestCollection extends CollectionPattern {
  entries: number;
  deleted: number;
  bytes: number;
  buckets: Record<string, string>;
}

export interface Manifest {
  version: number;
  entries: number;
  bytes: number;
  collections: ManifestCollection[];
  withheld: { count: number; digest: string; rules: Record<string, number> };
}

const withheldPart = async (withheld: WithheldEntry[]): Promise<Manifest["withheld"]> => {
  const rules: Record<string, number> = {};
  for (const { rule } of withheld) rules[rule] = (rules[rule] ?? 0) + 1;
  const hashes = await Promise.all(withheld.map(({ key }) => keyHash(key)));
  return { count: withheld.length, digest: await setDigest(hashes), rules };
};

/** Counts, bytes and bucket digests of the table, by collection. */
export const buildManifest = async (
  version: number,
  table: Table,
  list: CollectionPattern[],
  withheld: WithheldEntry[],
): Promise<Manifest> => {
  const collections: ManifestCollection[] = list.map(({ name, patterns }) => ({
    name,
    patterns,
    entries: 0,
    deleted: 0,
    bytes: 0,
    buckets: {},
  }));
  const byName = new Map(collections.map((collection) => [collection.name, collection]));
  const prints = new Map<string, [ManifestCollection, string, Binary[]]>();
  let bytes = 0;
  for (const entry of table.values()) {
    await breathe();
    const collection = byName.get(entry._collection)!;
    collection.entries++;
    if (entry._value === undefined) collection.deleted++;
    collection.bytes += entry._size;
    bytes += entry._size;
    const place = entry._bucket + entry._collection;
    if (!prints.has(place)) prints.set(place, [collection, entry._bucket, []]);
    prints.get(place)![2].push(entry._print);
  }
  for (const [collection, bucket, list] of prints.values()) {
    await breathe();
    collection.buckets[bucket] = await setDigest(list);
  }
  return { version, entries: table.size, bytes, collections, withheld: await withheldPart(withheld) };
};

/** Fingerprint as the wire spells it. */
export const wirePrint = (entry: Entry): string => base64url(entry._print);
