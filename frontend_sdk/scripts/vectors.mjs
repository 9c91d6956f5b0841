/**
 * Writes `tests/vectors/{lines,digests,collections}.json`, read by the JavaScript, Python and SQL tests.
 *
 * Made with Node's own crypto and none of the SDK's code, so that the vectors can find a mistake in it.
 * Strings are arrays of UTF-16 code units: no JSON reader anywhere can lose a lone surrogate of them.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../tests/vectors");
const sha256 = (data) => createHash("sha256").update(data).digest();
const units = (text) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
const repeat = (text, times) => text.repeat(times);

/** [what it is about, key, value]; no value: a deletion. */
const PAIRS = [
  ["plain", "todo:1", "milk"],
  ["empty key", "", "value"],
  ["empty value", "key", ""],
  ["both empty", "", ""],
  ["object", "note:1", '{"title":"a","done":false}'],
  ["text beside JSON text, 1", "greeting", "hello"],
  ["text beside JSON text, 2", "greeting", '"hello"'],
  ["NUL", "nul\0key", "a\0b"],
  [
    "all control characters",
    "controls",
    units(repeat("x", 32))
      .map((_, i) => String.fromCharCode(i))
      .join(""),
  ],
  ["DEL and C1", "\x7f", "\x7f\x80\x9f\xa0"],
  ["quotes and backslashes", '"\\/', '\\"\\\\"'],
  ["slash stays", "a/b", "</script>"],
  ["line separators", "\u2028", "\u2029"],
  ["tab, newline, return", "a\tb", "\r\n"],
  ["lone high surrogate", "\ud800", "\udbff"],
  ["lone low surrogate", "\udc00", "\udfff"],
  ["swapped surrogates", "\udc00\ud800", "x\udfff\ud83dx"],
  ["pair", "\ud83d\ude00", "\ud83d\ude00\ud83d"],
  ["lone before pair", "\ud83d\ud83d\ude00", "\ude00\ud83d\ude00"],
  ["BOM", "\ufeffkey", "\ufeff"],
  ["non-characters", "\ufffe\uffff", "\ufdd0"],
  ["NFC", "\u00e9", "\u00e9"],
  ["NFD", "e\u0301", "e\u0301"],
  ["CJK", "\u6f22\u5b57", "\u3042\u30a2"],
  ["beyond 2^53", "n", "9007199254740993"],
  ["1e400", "n", "1e400"],
  ["minus zero", "n", "-0"],
  ["number form", "n", "1.10e2"],
  ["NaN is text", "n", "NaN"],
  ["duplicate members", "o", '{"a":1,"a":2}'],
  ["member order", "o", '{"b":1,"aa":2,"a":3}'],
  ["escaped NUL inside JSON", "o", '{"a":"\\u0000"}'],
  ["escaped surrogate inside JSON", "o", '"\\ud800"'],
  ["invalid JSON", "o", "{'a':1}"],
  ["cut JSON", "o", '{"a":'],
  ["white space", " o ", " { } "],
  ["deep", "deep", repeat("[", 300) + repeat("]", 300)],
  ["__proto__", "__proto__", '{"polluted":true}'],
  ["constructor", "constructor", "1"],
  ["length", "length", "2"],
  ["getItem", "getItem", "3"],
  ["toString", "toString", "4"],
  ["long key", repeat("k", 5000), "v"],
  ["long value", "long", repeat("0123456789", 2000)],
  ["star in key", "a*b", "*"],
  ["deletion", "todo:1"],
  ["deletion of the empty key", ""],
  ["deletion of a lone surrogate", "\ud800\0"],
];
// Each kind of code unit once more, in blocks: nothing between 0 and 65,535 is left out.
for (let block = 0; block < 64; block++) {
  const first = block * 1024;
  const text = Array.from({ length: 1024 }, (_, i) => String.fromCharCode(first + i)).join("");
  PAIRS.push([`code units from ${first}`, "block:" + block, text]);
}

const lineOf = (key, value) => Buffer.from(JSON.stringify(value === undefined ? [key] : [key, value]), "utf8");
const describe = ([about, key, value]) => {
  const line = lineOf(key, value);
  const hash = sha256(Buffer.from(JSON.stringify(key), "utf8"));
  return {
    about,
    key: units(key),
    value: value === undefined ? null : units(value),
    line: line.toString("base64"),
    fingerprint: sha256(line).toString("base64url"),
    key_hash: hash.toString("base64url"),
    bucket: hash.subarray(0, 1).toString("hex"),
  };
};
const lines = PAIRS.map(describe);

const digestOf = (prints) =>
  sha256(Buffer.concat(prints.map((print) => Buffer.from(print, "base64url")).sort(Buffer.compare))).toString(
    "base64url",
  );
const setOf = (about, members) => ({
  about,
  fingerprints: members.map(({ fingerprint }) => fingerprint),
  digest: digestOf(members.map(({ fingerprint }) => fingerprint)),
});
const bucketsOf = (members) => {
  const buckets = {};
  for (const { bucket, fingerprint } of members) (buckets[bucket] ??= []).push(fingerprint);
  return Object.fromEntries(
    Object.keys(buckets)
      .sort()
      .map((name) => [name, digestOf(buckets[name])]),
  );
};
const many = Array.from({ length: 600 }, (_, i) => describe(["", "item:" + i, JSON.stringify({ i })]));
const digests = {
  sets: [
    setOf("empty", []),
    setOf("one", lines.slice(0, 1)),
    setOf("two", lines.slice(0, 2)),
    setOf("two, the other way round", lines.slice(0, 2).reverse()),
    setOf("all lines", lines),
    setOf("600 items", many),
  ],
  // Keys item:0 to item:599, value {"i":<number>}, in buckets.
  items: { count: many.length, key: "item:", buckets: bucketsOf(many) },
};

const list = [
  { name: "notes", patterns: ["note:*", "draft/*"] },
  { name: "todos", patterns: ["todo:*", "todo-list"] },
  { name: "odd", patterns: ["*.bak", "a*b*c", "[x]*", "^$"] },
  { name: "late", patterns: ["note:1", "t*"] },
];
const KEYS = [
  "note:1", "note:", "note", "Note:1", "draft/", "draft/a/b", "todo:1", "todo-list", "todo-lists", "todo", "tea",
  "x.bak", ".bak", "note:.bak", "abc", "aXbYc", "acb", "ab", "aabbcc", "a\nb\nc", "[x]", "[x]y", "x", "^$", "$", "",
  "\ud800.bak", "note:\udc00", "t\0", "__proto__", "length",
]; // prettier-ignore
const matches = (pattern, key) => {
  const parts = pattern.split("*");
  if (parts.length === 1) return key === pattern;
  const [first, last] = [parts[0], parts[parts.length - 1]];
  if (key.length < first.length + last.length || !key.startsWith(first) || !key.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = key.indexOf(part, at);
    if (found < 0 || found + part.length > key.length - last.length) return false;
    at = found + part.length;
  }
  return true;
};
const label = (key) =>
  list.find(({ patterns }) => patterns.some((pattern) => matches(pattern, key)))?.name ?? "default";
const collections = { collections: list, cases: KEYS.map((key) => ({ key: units(key), collection: label(key) })) };

mkdirSync(folder, { recursive: true });
const write = (name, value) => writeFileSync(join(folder, name), value + "\n");
const rows = (list) => `[\n${list.map((row) => JSON.stringify(row)).join(",\n")}\n]`;
write("lines.json", `{"cases":${rows(lines)}}`);
write("digests.json", `{"sets":${rows(digests.sets)},\n"items":${JSON.stringify(digests.items)}}`);
write("collections.json", `{"collections":${JSON.stringify(list)},\n"cases":${rows(collections.cases)}}`);
