import { describe, expect, it } from "vitest";
import { BUGS, type Bug, type BugName } from "./bugs.js";
import { simulate } from "./index.js";

/** The simulator is held against bugs put in on purpose: it must see each of them within its usual seeds. */
const FIRST = 30;
const SEEDS = 200;

describe("a bug", () => {
  const elsewhere: BugName[] = ["unsteady-buckets"];
  const all = Object.keys(BUGS) as BugName[];
  it.each(all.filter((name) => !elsewhere.includes(name)))("is noticed: %s", async (bug) => {
    const { from = FIRST }: Bug = BUGS[bug];
    let seed = from;
    while (seed < from + SEEDS && !(await simulate(seed, bug))) seed++;
    expect(seed).toBeLessThan(from + SEEDS);
  }, 120_000);
});
