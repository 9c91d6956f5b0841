import { keyOf, lineOf } from "./lines.js";
import type { Records, Version } from "./records.js";

/** Going back, from semantics 8: writes that bring earlier versions again, under new revisions. Nothing is taken away. */

/** What goes back: what one run wrote, what another rollback wrote, or all that came after a revision. */
export type Extent =
  | { scope: "run"; run: string }
  | { scope: "undo"; first: number; last: number }
  | { scope: "owner"; to: number };

export interface Reverted {
  /** The owner's revision before it. */
  from: number;
  /** Records that went back. */
  count: number;
}

/** What a run found when it wrote; what had followed a write that came back stays away. */
const beforeRun = (versions: Version[], current: Version, run: string): Version | undefined => {
  const wrote = versions.filter((one) => one.run === run && one.cause !== "rollback" && one.line === current.line);
  const until = current.cause === "rollback" ? (wrote.at(-1)?.revision ?? current.revision) : current.revision;
  return versions.filter((one) => one.run !== run && one.revision < until).at(-1);
};

/** The version a key goes back to; false where it stays as it is. */
const targetOf = (records: Records, key: string, extent: Extent): Version | undefined | false => {
  const current = records.current(key)!;
  const { revision } = current;
  switch (extent.scope) {
    case "run":
      return current.run === extent.run && beforeRun(records.keys.get(key)!.versions, current, extent.run);
    case "undo":
      return revision > extent.first && revision <= extent.last && records.at(key, extent.first);
    default:
      return revision > extent.to && records.at(key, extent.to);
  }
};

/** Takes records back. What was written since a point goes into the journal; what a run did not write is kept. */
export const revert = (records: Records, extent: Extent): Reverted => {
  const from = records.revision;
  const currents = [...records.keys.keys()].map((key) => records.current(key)!);
  const planned = currents
    .sort((one, other) => one.revision - other.revision)
    .map((current) => [current, targetOf(records, keyOf(current.line), extent)] as const)
    .filter(([current, target]) => target !== false && (target?.line ?? lineOf(keyOf(current.line))) !== current.line);
  for (const [current, target] of planned as [Version, Version | undefined][]) {
    const key = keyOf(current.line);
    const line = target?.line ?? lineOf(key);
    const revision = records.store({ line, device: "server", seq: 0, cause: "rollback", ...(target?.run && { run: target.run }) });
    if (extent.scope !== "owner" || current.cause === "rollback") continue;
    const loser = { line: current.line, device: current.device, seq: current.seq };
    records.journal({ key, winner: "server", state: "decided", revision, base: null, loser });
  }
  return { from, count: planned.length };
};
