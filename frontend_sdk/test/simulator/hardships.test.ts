import { describe, expect, it } from "vitest";
import { HARDSHIPS, type HardshipName } from "./hardships.js";
import { simulate } from "./index.js";

const SEEDS = 40;

/** Seeds that once ended badly under a hardship: each of them stands for a bug that is no more. */
const FORMER: [HardshipName, number[]][] = [
  ["garbage", [82]],
  ["lockless", [88, 196, 620]],
  ["failing", [37, 39, 639]],
];

const found = async (hardship: HardshipName, seeds: Iterable<number>): Promise<string[]> => {
  const all: string[] = [];
  for (const seed of seeds) all.push(await simulate(seed, { hardship }));
  return all.filter((one) => one);
};

describe("a world with a hardship", () => {
  it.each(Object.keys(HARDSHIPS) as HardshipName[])("ends as well as any other: %s", async (hardship) => {
    expect(await found(hardship, Array.from({ length: SEEDS }, (_, seed) => seed))).toEqual([]);
  }, 120_000);

  it.each(FORMER)("ends well where it once did not: %s", async (hardship, seeds) => {
    expect(await found(hardship, seeds)).toEqual([]);
  }, 60_000);
});
