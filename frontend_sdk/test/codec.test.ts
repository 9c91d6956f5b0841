import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64url, encode, encodeLine, linePieces, toBinary, type Pair } from "../src/codec.js";
import { bucketOf, keyHash, setDigest } from "../src/digest.js";
import { addMark, markOf, type Mark } from "../src/mark.js";
import { sha256 } from "../src/sha256.js";
import { describe as describeEntries } from "../src/table.js";
import { fromUnits, vectors } from "./support/vectors.js";

const canonicalLine = (...pair: Pair): string => JSON.stringify(pair);

const anyString = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd800, max: 0xdfff }),
      fc.integer({ min: 0, max: 127 }),
    ),
  )
  .map(fromUnits);

describe("the canonical line", () => {
  const { cases } = vectors("lines");

  it.each((cases as any[]).map((one): [string, any] => [one.about, one]))(
    "is that of the vectors: %s",
    async (_, one: any) => {
      const key = fromUnits(one.key);
      const line = await encodeLine([key, one.value === null ? undefined : fromUnits(one.value)]);
      expect(Buffer.from(line).toString("base64")).toBe(one.line);
      expect(base64url(await sha256(line))).toBe(one.fingerprint);
      const hash = await keyHash(key);
      expect(base64url(hash)).toBe(one.key_hash);
      expect(bucketOf(hash)).toBe(one.bucket);
    },
  );

  it("brings any two strings back, by way of well-formed UTF-8", () => {
    fc.assert(
      fc.property(anyString, anyString, (key, value) => {
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
          encode(canonicalLine(key, value)),
        );
        expect(text).not.toContain("\n");
        expect(JSON.parse(text)).toEqual([key, value]);
      }),
      { numRuns: 2000 },
    );
  });

  it("tells any two different pairs apart", () => {
    fc.assert(
      fc.property(fc.tuple(anyString, anyString), fc.tuple(anyString, anyString), ([a, b], [c, d]) => {
        expect(canonicalLine(a, b) === canonicalLine(c, d)).toBe(a === c && b === d);
      }),
    );
  });
});

describe("a line in pieces", () => {
  it("is the line, wherever it is cut", () => {
    fc.assert(
      fc.property(anyString, anyString, fc.integer({ min: 1, max: 9 }), (key, value, size) => {
        expect([...linePieces([key, value], size)].join("")).toBe(canonicalLine(key, value));
        expect([...linePieces([key], size)].join("")).toBe(canonicalLine(key));
      }),
      { numRuns: 2000 },
    );
  });

  it("is the line for megabytes too, with pauses", async () => {
    const value = '\ud83d\ude00\ud800x"'.repeat(200_000);
    let pauses = 0;
    const timer = setInterval(() => pauses++, 1);
    const line = await encodeLine(["k", value]);
    clearInterval(timer);
    expect(Buffer.compare(line, encode(canonicalLine("k", value)))).toBe(0);
    expect(pauses).toBeGreaterThan(0);
  });
});

describe("SHA-256", () => {
  it("is that of everybody else, for any length", async () => {
    for (let length = 0; length < 300; length++) {
      const bytes = new Uint8Array(length).map((_, i) => i * 7 + length);
      expect(Buffer.from(await sha256(bytes), "latin1").toString("hex")).toBe(
        createHash("sha256").update(bytes).digest("hex"),
      );
    }
    for (const length of [2047, 2048, 2049, 100_000]) {
      const bytes = new Uint8Array(length).map((_, i) => i);
      expect(Buffer.from(await sha256(bytes), "latin1").toString("hex")).toBe(
        createHash("sha256").update(bytes).digest("hex"),
      );
    }
  });
});

describe("marks", () => {
  it("tell sets apart, in any order", async () => {
    const all = async (texts: string[]): Promise<Mark> => {
      const sum: Mark = [0, 0, 0];
      for (const text of texts) addMark(sum, await markOf(text));
      return sum;
    };
    const texts = Array.from({ length: 2000 }, (_, i) => `["item:${i}","${i}"]`);
    const whole = await all(texts);
    expect(await all([...texts].reverse())).toEqual(whole);
    const seen = new Set<string>([String(whole)]);
    for (const text of texts) {
      const changed: Mark = [...whole];
      addMark(changed, await markOf(text));
      addMark(changed, await markOf(text + "x"));
      seen.add(String(changed));
    }
    expect(seen.size).toBe(2001);
    expect(await markOf("\0".repeat(100_000))).not.toEqual(await markOf("\0".repeat(100_001)));
  });

  it("weigh what UTF-8 would", async () => {
    for (const text of ["", "a", "\u007f\u0080", "\u07ff\u0800", "lörem 漢", "x".repeat(70_000) + "漢"])
      expect((await markOf(text))[2]).toBe(Buffer.byteLength(text));
  });
});

describe("the set digest", () => {
  const { sets, items } = vectors("digests");
  const binary = (text: string) => toBinary(Buffer.from(text, "base64url"));

  it.each((sets as any[]).map((one): [string, any] => [one.about, one]))(
    "is that of the vectors: %s",
    async (_, one: any) => {
      expect(await setDigest(one.fingerprints.map(binary))).toBe(one.digest);
    },
  );

  it("falls into the buckets of the vectors", async () => {
    const pairs = Array.from({ length: items.count }, (_, i): [string, string] => [
      items.key + i,
      JSON.stringify({ i }),
    ]);
    const buckets: Record<string, string[]> = {};
    for (const entry of await describeEntries(pairs, () => "c")) (buckets[entry._bucket] ??= []).push(entry._print);
    const digests: Record<string, string> = {};
    for (const [name, prints] of Object.entries(buckets)) digests[name] = await setDigest(prints);
    expect(digests).toEqual(items.buckets);
  });

  it("does not depend on the order", async () => {
    const prints = Array.from({ length: 40 }, (_, i) => String.fromCharCode(i, 255 - i).repeat(16));
    const digest = await setDigest([...prints]);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(prints, { minLength: 40 }), async (shuffled) => {
        expect(await setDigest([...shuffled])).toBe(digest);
      }),
    );
  });
});
