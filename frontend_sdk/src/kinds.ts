import type { ValueType } from "./types.js";

/** What kind of value a text is. The server answers the same; `tests/vectors/types.json` is the law for both. */

// Parsing more would block a frame; for longer values the first and the last character must do.
const MOST_PARSED = 100_000;

const DAY = /[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])/.source;
const TIME = /[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?/.source;

const SPECIAL: [ValueType, RegExp][] = [
  ["empty", /^$/],
  ["dataUrl", /^data:(?:[0-9A-Za-z]+\/[0-9A-Za-z.+-]+)?(?:;[0-9A-Za-z.+=-]+)*,/],
  ["jwt", /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/],
  ["uuid", /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i],
  ["date", new RegExp(`^${DAY}(?:${TIME})?$`)],
];

const special = (text: string): ValueType | undefined => SPECIAL.find(([, shape]) => shape.test(text))?.[0];

const isBase64 = (text: string): boolean =>
  text.length % 4 === 0 &&
  /^[0-9A-Za-z+/]{22,}={0,2}$/.test(text) &&
  (text.includes("=") || [/[0-9]/, /[A-Z]/, /[a-z]/].every((kind) => kind.test(text)));

/** The parsed value; undefined where the text is not JSON. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return;
  }
};

const ofJson = (value: unknown): ValueType | undefined =>
  value === null ? "null" : Array.isArray(value) ? "array" : value === undefined ? value : (typeof value as ValueType);

const ofInner = (text: string): ValueType => {
  if (!text) return "string";
  const inner = ofJson(parse(text));
  const twice = inner === "object" || inner === "array" || inner === "string";
  return special(text) ?? (twice ? "doubleEncoded" : isBase64(text) ? "base64" : "string");
};

const ofEnds = (text: string): ValueType | undefined => {
  const [, first, last] = /^[ \t\n\r]*([^])[^]*?([^])[ \t\n\r]*$/.exec(text) ?? [];
  return ({ "{}": "object", "[]": "array", '""': "string" } as const)[(first! + last) as "{}"];
};

export const kindOf = (text: string): ValueType => {
  const shape = special(text);
  if (shape) return shape;
  const long = text.length > MOST_PARSED;
  const value = long ? undefined : parse(text);
  if (typeof value === "string") return ofInner(value);
  return (long ? ofEnds(text) : ofJson(value)) ?? (isBase64(text) ? "base64" : "text");
};
