import { breathe } from "./pace.js";
import type { CollectionPattern } from "./types.js";

/** Keys no pattern matches. */
export const DEFAULT = "default";

// More would blow up the manifest: each collection has up to 256 bucket digests.
const MOST_INFERRED = 32;
const LONGEST_PREFIX = 64;

type Test = (key: string) => boolean;

const toSource = (pattern: string): string =>
  pattern
    .split("*")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .join("[^]*");

/** True for keys that one of the patterns matches whole. */
export const matcher = (patterns: string[] = []): Test => {
  const any = new RegExp(`^(?:${patterns.map(toSource).join("|")})$`);
  return (key) => patterns.length > 0 && any.test(key);
};

/** Names a key's collection: the first of the list with a matching pattern. */
export const labeller = (list: CollectionPattern[]): ((key: string) => string) => {
  const tests = list.map(({ name, patterns }): [string, Test] => [name, matcher(patterns)]);
  return (key) => tests.find(([, test]) => test(key))?.[0] ?? DEFAULT;
};

/**
 * The declared collections, then one for each prefix that at least two of the other keys share
 * (`todo:1`, `todo:2`), the largest first, and at last one for the rest. No two have the same name, and no
 * prefix holds what the server's JSON cannot.
 */
export const inferCollections = async (
  keys: Iterable<string>,
  declared: CollectionPattern[],
): Promise<CollectionPattern[]> => {
  const merged = new Map<string, string[]>();
  for (const { name, patterns } of declared) merged.set(name, [...(merged.get(name) ?? []), ...patterns]);
  const given = [...merged].map(([name, patterns]) => ({ name, patterns }));
  const known = labeller(given);
  const counts = new Map<string, number>();
  for (const key of keys) {
    await breathe();
    const prefix = /^[^:._/*\x00-\x1f\ud800-\udfff-]+[:._/-]/.exec(key)?.[0];
    if (prefix && prefix.length <= LONGEST_PREFIX && known(key) === DEFAULT)
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  }
  const names = new Set([DEFAULT, ...merged.keys()]);
  const inferred = [...counts]
    .filter(([, count]) => count > 1)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, MOST_INFERRED)
    .map(([prefix]) => {
      const short = prefix.slice(0, -1);
      const name = names.has(short) ? prefix : short;
      names.add(name);
      return { name, patterns: [prefix + "*"] };
    });
  const rest = merged.has(DEFAULT) ? [] : [{ name: DEFAULT, patterns: ["*"] }];
  return [...given, ...inferred, ...rest];
};
