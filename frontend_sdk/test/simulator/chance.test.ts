import { describe, expect, it } from "vitest";
import { simulate } from "./index.js";

/** Whatever happens, everybody ends with the same, and nothing acknowledged is lost. */
const FIRST = 0;
const SEEDS = 500;
const PART = 50;

describe("dual write under every fault there is", () => {
  it.each(Array.from({ length: SEEDS / PART }, (_, part) => FIRST + part * PART))("ends well: seeds from %i", async (from) => {
    const found: string[] = [];
    for (let seed = from; seed < from + PART; seed++) found.push(await simulate(seed));
    expect(found.filter((one) => one)).toEqual([]);
  }, 120_000);
});
