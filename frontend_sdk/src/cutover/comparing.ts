import type { CompareRules } from "../types.js";

/** Whether two values are the same, by a collection's rules. Pure. */

const membersOf = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));

// Before a number that has become a string; any other string, and so any name, has a letter there, too.
const [NUMBER, TEXT] = ["n", "t"];

/** What a name stands for within a value; undefined for what is not its own: a page lends much to all objects. */
const placeIn = (value: any, name: string): string | undefined => {
  const place = Array.isArray(value) ? name : TEXT + name;
  return value !== null && typeof value === "object" && {}.propertyIsEnumerable.call(value, place) ? place : undefined;
};

/** Takes what a pointer names out of a parsed value. */
const leaveOut = (value: any, pointer: string): void => {
  const members = membersOf(pointer);
  const last = members.pop();
  let holder = value;
  for (const name of members) {
    const place = placeIn(holder, name);
    if (place === undefined) return;
    holder = holder[place];
  }
  const place = last === undefined ? last : placeIn(holder, last);
  if (place !== undefined) delete holder[place];
};

/** The value with its members in one order. */
const ordered = (value: any): any => {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(ordered);
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, ordered(value[name])]));
};

/** A number written one way, exactly: many are no double, and two of those may become the same one. */
const exactly = (number: string): string => {
  const [mantissa, power = "0"] = number.toLowerCase().split("e") as [string, string?];
  const [whole, fraction = ""] = mantissa.replace("-", "").split(".") as [string, string?];
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (!kept) return "0";
  const exponent = BigInt(power.replace("+", "")) - BigInt(fraction.length) + BigInt(digits.length - kept.length);
  return `${mantissa[0] === "-" ? "-" : ""}${kept}e${exponent}`;
};

// Strings, so that what looks like a number within them is passed over, and numbers.
const TOKENS = /"[^"\\]*(?:\\[^][^"\\]*)*"|-?\d[\d.eE+-]*/g;

/** The value, with each number as text: none is rounded. */
const parse = (text: string): unknown => {
  JSON.parse(text);
  const told = text.replace(TOKENS, (token) =>
    token[0] === '"' ? `"${TEXT}${token.slice(1)}` : `"${NUMBER}${exactly(token)}"`,
  );
  return JSON.parse(told);
};

const canonical = (text: string, ignore: string[]): string => {
  const value = parse(text);
  // That is the whole value.
  if (ignore.includes("")) return "";
  for (const pointer of ignore) leaveOut(value, pointer);
  return JSON.stringify(ordered(value));
};

/** True where both are the same under the rules; what is not JSON is compared as it stands. Null is an absent value. */
export const agree = (a: string | null, b: string | null, { comparator, ignore }: CompareRules): boolean => {
  if (a === b) return true;
  if (a === null || b === null || (comparator !== "json" && !ignore.length)) return false;
  try {
    return canonical(a, ignore) === canonical(b, ignore);
  } catch {
    return false;
  }
};
