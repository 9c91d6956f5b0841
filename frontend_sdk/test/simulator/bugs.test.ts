import { describe, expect, it } from "vitest";
import { BUGS, type BugName } from "./bugs.js";
import { simulate } from "./index.js";

/** The simulator is held against bugs put in on purpose: it must see each of them within its usual seeds. */
const FIRST = 30;
const SEEDS = 200;

describe("a bug", () => {
  // Seen by the harness.
  const elsewhere: BugName = "unsteady-buckets";
  const all = Object.keys(BUGS) as BugName[];
  it.each(all.filter((name) => name !== elsewhere))("is noticed: %s", async (bug) => {
    let seed = FIRST;
    while (seed < FIRST + SEEDS && !(await simulate(seed, { bug }))) seed++;
    expect(seed).toBeLessThan(FIRST + SEEDS);
  }, 120_000);
});
