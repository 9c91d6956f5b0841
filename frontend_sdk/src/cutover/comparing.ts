import type { CompareRules } from "../types.js";

/** Whether two values are the same, by a collection's rules. Pure. */

const membersOf = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));

/** Takes what a pointer names out of a parsed value. */
const leaveOut = (value: any, pointer: string): void => {
  const members = membersOf(pointer);
  const last = members.pop();
  const holder = members.reduce((inner, name) => (inner !== null && typeof inner === "object" ? inner[name] : undefined), value);
  if (last !== undefined && holder !== null && typeof holder === "object") delete holder[last];
};

/** The value with its members in one order. */
const ordered = (value: any): any => {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(ordered);
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, ordered(value[name])]));
};

const canonical = (text: string, ignore: string[]): string => {
  const value = JSON.parse(text);
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
