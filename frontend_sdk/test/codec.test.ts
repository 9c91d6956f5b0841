import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64url, bucketOf, canonicalLine, encode, fromBinary, keyHash, sha256, toBinary } from "../src/codec.js";
import { setDigest } from "../src/digest.js";
import { describe as describeEntries } from "../src/table.js";
import { fromUnits, vectors } from "./support/vectors.js";

const anyString = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff }), fc.integer({ min: 0, max: 127 })))
  .map(fromUnits);

describe("the canonical line", () => {
  const { cases } = vectors("lines");

  it.each((cases as any[]).map((one): [string, any] => [one.about, one]))("is that of the vectors: %s", async (_, one: any) => {
    const key = fromUnits(one.key);
    const line = one.value === null ? canonicalLine(key) : canonicalLine(key, fromUnits(one.value));
    expect(Buffer.from(encode(line)).toString("base64")).toBe(one.line);
    expect(base64url(await sha256(encode(line)))).toBe(one.fingerprint);
    const hash = await keyHash(key);
    expect(base64url(hash)).toBe(one.key_hash);
    expect(bucketOf(hash)).toBe(one.bucket);
  });

  it("brings any two strings back, by way of well-formed UTF-8", () => {
    fc.assert(
      fc.property(anyString, anyString, (key, value) => {
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(encode(canonicalLine(key, value)));
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

describe("binary strings", () => {
  it("hold any bytes, also more than a call may have arguments", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect([...fromBinary(toBinary(bytes))]).toEqual([...bytes]);
      }),
    );
    const large = new Uint8Array(300_000).map((_, i) => i);
    expect(Buffer.compare(fromBinary(toBinary(large)), large)).toBe(0);
  });
});

describe("the set digest", () => {
  const { sets, items } = vectors("digests");
  const binary = (text: string) => toBinary(Buffer.from(text, "base64url"));

  it.each((sets as any[]).map((one): [string, any] => [one.about, one]))("is that of the vectors: %s", async (_, one: any) => {
    expect(await setDigest(one.fingerprints.map(binary))).toBe(one.digest);
  });

  it("falls into the buckets of the vectors", async () => {
    const pairs = Array.from({ length: items.count }, (_, i): [string, string] => [items.key + i, JSON.stringify({ i })]);
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
