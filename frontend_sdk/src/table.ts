import { base64url, bucketOf, canonicalLine, encode, keyHash, sha256, type Binary } from "./codec.js";
import { setDigest } from "./digest.js";
import { breathe } from "./pace.js";
import type { CollectionPattern, WithheldEntry } from "./types.js";

/** One pair as it travels; without a value, its deletion. */
export interface Entry {
  _key: string;
  _value: string | undefined;
  _collection: string;
  _bucket: string;
  _print: Binary;
  /** Bytes of the canonical line. */
  _size: number;
  /** What the server held of this key before: counts again if this one is refused. */
  _before?: Entry;
}

/** The latest line of every key of a run: what the manifest tells about. */
export type Table = Map<string, Entry>;

export const isLive = ({ _value }: Entry): boolean => _value !== undefined;

export type Pair = [key: string, value?: string];

export const lineOf = ({ _key, _value }: Pick<Entry, "_key" | "_value">): string =>
  _value === undefined ? canonicalLine(_key) : canonicalLine(_key, _value);

const describeOne = async (pair: Pair, label: (key: string) => string): Promise<Entry> => {
  const [_key, _value] = pair;
  const bytes = encode(lineOf({ _key, _value }));
  const [_print, hash] = await Promise.all([sha256(bytes), keyHash(_key)]);
  return { _key, _value, _collection: label(_key), _bucket: bucketOf(hash), _print, _size: bytes.length };
};

// Hashing is asynchronous: a batch in flight costs less than waiting for each, but holds its bytes.
const BATCH_ENTRIES = 128;
const BATCH_UNITS = 1 << 18;

export const describe = async (pairs: Iterable<Pair>, label: (key: string) => string): Promise<Entry[]> => {
  const entries: Entry[] = [];
  let batch: Promise<Entry>[] = [];
  let units = 0;
  const settle = async () => {
    for (const entry of await Promise.all(batch)) entries.push(entry);
    batch = [];
    units = 0;
  };
  for (const pair of pairs) {
    await breathe();
    batch.push(describeOne(pair, label));
    units += pair[0].length + (pair[1]?.length ?? 0);
    if (batch.length >= BATCH_ENTRIES || units > BATCH_UNITS) await settle();
  }
  await settle();
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
