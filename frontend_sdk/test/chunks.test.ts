import fc from "fast-check";
import { gunzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { isMassLoss } from "../src/cargo.js";
import { createTarget, cut, inlineChunk, LEAST_TARGET, MOST_TARGET, pack } from "../src/chunks.js";
import { describe as describeEntries, type Entry } from "../src/table.js";
import { manyPairs } from "./support/client.js";

const sized = (sizes: number[]): Entry[] => sizes.map((_size) => ({ _size }) as Entry);

describe("cutting", () => {
  it("takes all, each once, in order, within the bounds, or one that is alone", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 4, max: 5000 })),
        fc.integer({ min: 100, max: 6000 }),
        fc.integer({ min: 1, max: 50 }),
        (sizes, target, most) => {
          const entries = sized(sizes);
          const queue = [...entries];
          const chunks: Entry[][] = [];
          const reasons: string[] = [];
          while (queue.length) {
            const [chunk, reason] = cut(queue, target, most);
            chunks.push(chunk);
            reasons.push(reason);
          }
          expect(chunks.flat()).toEqual(entries);
          // Each says what would have been broken with one entry more.
          for (const [n, chunk] of chunks.entries()) {
            const next = chunks[n + 1]?.[0];
            const larger = [...chunk, ...(next ? [next] : [])].reduce((sum, { _size }) => sum + _size + 1, 0);
            const full = chunk.length < most && larger > target;
            const told = full ? (chunk.length > 1 ? "target" : "single") : "entries";
            expect(reasons[n]).toBe(next ? told : "rest");
            expect(chunk.length).toBeGreaterThan(0);
            expect(chunk.length).toBeLessThanOrEqual(most);
            const size = chunk.reduce((sum, { _size }) => sum + _size + 1, 0);
            expect(chunk.length === 1 || size <= target).toBe(true);
          }
        },
      ),
    );
  });
});

describe("the target", () => {
  it("grows on a fast line and shrinks on a slow one, within its bounds", () => {
    const target = createTarget();
    for (let i = 0; i < 10; i++) target._learn(100, target._size());
    expect(target._size()).toBe(MOST_TARGET);
    for (let i = 0; i < 20; i++) target._learn(60_000, target._size());
    expect(target._size()).toBe(LEAST_TARGET);
  });

  it("comes to rest near two seconds", () => {
    const target = createTarget();
    const bytesPerMs = 100;
    for (let i = 0; i < 20; i++) target._learn(target._size() / bytesPerMs, target._size());
    expect(target._size() / bytesPerMs).toBeGreaterThan(1900);
    expect(target._size() / bytesPerMs).toBeLessThan(2100);
  });
});

describe("a packed chunk", () => {
  it("is the lines, each ended, under the announced sum", async () => {
    const entries = await describeEntries([...manyPairs(50), ["gone"]], () => "c");
    const chunk = await pack(entries);
    const text = gunzipSync(chunk._data).toString();
    expect(text.endsWith('["gone"]\n')).toBe(true);
    expect(text.split("\n").length).toBe(52);
    expect(chunk._size).toBe(Buffer.byteLength(text));
    expect(inlineChunk(chunk, 7)).toMatchObject({ seq: 7, entries: 51, encoding: "gzip", bytes: chunk._size });
  });

  it("travels as it is where the browser cannot compress", async () => {
    vi.stubGlobal("CompressionStream", undefined);
    const chunk = await pack(await describeEntries(manyPairs(3), () => "c"));
    expect(chunk._gzip).toBe(false);
    expect(Buffer.from(chunk._data).toString().split("\n").length).toBe(4);
  });

  it("travels as it is where compression would look like an attack", async () => {
    expect((await pack(await describeEntries([["a", "x".repeat(500_000)]], () => "c")))._gzip).toBe(false);
  });
});

describe("mass loss", () => {
  it.each([
    [1, 10, 9, false],
    [5, 10, 5, false],
    [6, 10, 4, true],
    [3, 4, 1, false],
    [1, 1, 0, true],
    [2, 2, 0, true],
    [0, 5, 5, false],
  ])("of %i of %i with %i left: %s", (gone, known, left, verdict) =>
    expect(isMassLoss(gone, known, left)).toBe(verdict),
  );
});
