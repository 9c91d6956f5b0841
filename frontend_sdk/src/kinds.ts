import type { ValueType } from "./types.js";

/** What kind of value a text is. Names and borderline cases are in `tests/vectors/types.json`. */

// Parsing more would block a frame; for such values the brackets must do.
const MOST_PARSED = 1 << 16;

const SHAPES: [ValueType, RegExp][] = [
  ["empty", /^$/],
  ["jwt", /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/],
  ["dataUrl", /^data:[^,]*,/],
  ["uuid", /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i],
  ["date", /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/],
  ["base64", /^(?=.{16})(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/],
];

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return;
  }
};

const ofJson = (value: unknown): ValueType | undefined => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value !== "string") return value === undefined ? value : (typeof value as ValueType);
  const inner = parse(value);
  return inner && typeof inner === "object" ? "doubleEncoded" : "string";
};

const ofBrackets = (text: string): ValueType | undefined =>
  ({ "{}": "object", "[]": "array", '""': "string" } as const)[(text[0]! + text[text.length - 1]) as "{}"];

export const kindOf = (text: string): ValueType =>
  (text.length > MOST_PARSED ? ofBrackets(text) : ofJson(parse(text))) ??
  SHAPES.find(([, shape]) => shape.test(text))?.[0] ??
  "text";
