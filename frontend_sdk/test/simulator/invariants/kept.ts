import { keyOf, valueOf } from "../model/lines.js";
import type { Records } from "../model/records.js";

/** Whether something that was written is still somewhere: in a version, in a conflict, or merged with others. */

export const linesOf = (records: Records): Set<string> =>
  new Set([
    ...[...records.keys.values()].flatMap(({ versions }) => versions.map(({ line }) => line)),
    ...records.conflicts.map(({ loser }) => loser.line),
  ]);

/** Members of a merged object are looked for one by one. */
const partsOf = (line: string): string[] => {
  const value = valueOf(line)!;
  return value.startsWith("{") ? Object.values(JSON.parse(value) as Record<string, string>) : [value];
};

export const isKept = (line: string, lines: Set<string>): boolean => {
  if (lines.has(line)) return true;
  if (valueOf(line) === undefined) return false;
  const key = keyOf(line);
  const there = [...lines].filter((one) => keyOf(one) === key);
  return partsOf(line).every((part) => there.some((one) => one.includes(part)));
};
