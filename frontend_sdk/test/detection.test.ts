import { describe, expect, it, vi } from "vitest";
import { inferCollections, labeller, matcher } from "../src/collections.js";
import { createJudge } from "../src/judge.js";
import { kindOf } from "../src/kinds.js";
import { createSecretFinder } from "../src/secrets.js";
import { createSecretJudge } from "../src/withholding.js";
import { fromUnits, joined, vectors } from "./support/vectors.js";

const options = { url: "", appKey: "" };

describe("collections", () => {
  const { collections, cases } = vectors("collections");

  it("are found as the vectors say", () => {
    const label = labeller(collections);
    for (const { key, collection } of cases)
      expect([fromUnits(key), label(fromUnits(key))]).toEqual([fromUnits(key), collection]);
  });

  it("take every character of a pattern but the star for itself", () => {
    expect(matcher(["a.b"])("axb")).toBe(false);
    expect(matcher(["*"])("a\n\ud800")).toBe(true);
    expect(matcher([])("")).toBe(false);
  });

  it.each([":", ".", "/", "_", "-"])(
    "are inferred from what stands before %s in at least two keys",
    async (separator) => {
      const keys = [`todo${separator}1`, `todo${separator}2`, `lonely${separator}1`, "plain"];
      expect(await inferCollections(keys, [])).toEqual([
        { name: "todo", patterns: [`todo${separator}*`] },
        { name: "default", patterns: ["*"] },
      ]);
    },
  );

  it("leave declared ones as they are, and never have two of a name", async () => {
    const list = await inferCollections(
      ["todo:1", "todo.1", "todo.2", "x_1", "x_2", "x-1", "x-2"],
      [
        { name: "todo", patterns: ["todo:*"] },
        { name: "todo", patterns: ["task:*"] },
      ],
    );
    expect(list.map(({ name }) => name)).toEqual(
      ["todo", "todo.", "x", "x_", "default"]
        .sort()
        .sort((a, b) => list.findIndex(({ name }) => name === a) - list.findIndex(({ name }) => name === b)),
    );
    expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
    expect(list[0]).toEqual({ name: "todo", patterns: ["todo:*", "task:*"] });
  });

  it("are no more than the manifest bears, and hold nothing the server's JSON cannot", async () => {
    const keys = Array.from({ length: 400 }, (_, i) => `p${i >> 1}:${i}`);
    expect(
      (await inferCollections([...keys, "\0a:1", "\0a:2", "\ud800:1", "\ud800:2", "a*b:1", "a*b:2"], [])).length,
    ).toBe(33);
    expect((await inferCollections(["\0a:1", "\0a:2", "\ud800:1", "\ud800:2"], [])).map(({ name }) => name)).toEqual([
      "default",
    ]);
  });
});

describe("types", () => {
  it.each((vectors("types").cases as any[]).map((one): [string, any] => [one.type, one]))(
    "are those of the vectors: %s",
    (type, one: any) => {
      expect(kindOf(joined(one.value))).toBe(type);
    },
  );
});

describe("secrets", () => {
  const find = createSecretFinder();
  const { cases } = vectors("secrets");

  it("are recognised as the vectors say", async () => {
    for (const one of cases) {
      const [key, value] = [joined(one.key), joined(one.value)];
      expect([one.kind, key, value, (await find(key, value))?.id ?? null]).toEqual([one.kind, key, value, one.rule]);
    }
  });

  it("are found as often as promised: 99 % of the named kinds, 90 % of all, false alarms at most 2 %", async () => {
    const share = async (some: any[]) => {
      const found = await Promise.all(some.map(({ key, value }) => find(joined(key), joined(value))));
      return found.filter(Boolean).length / some.length;
    };
    const named = cases.filter((one: any) => one.named);
    const secret = cases.filter((one: any) => one.secret);
    const harmless = cases.filter((one: any) => !one.secret);
    expect(new Set(named.map((one: any) => one.kind)).size).toBeGreaterThanOrEqual(25);
    expect(named.length).toBeGreaterThanOrEqual(500);
    expect(harmless.length).toBeGreaterThanOrEqual(secret.length);
    expect(await share(named)).toBeGreaterThanOrEqual(0.99);
    expect(await share(secret)).toBeGreaterThanOrEqual(0.9);
    expect(await share(harmless)).toBeLessThanOrEqual(0.02);
  });

  it("are searched for in a long value with pauses", async () => {
    let pauses = 0;
    const timer = setInterval(() => pauses++, 1);
    expect(await find("big", JSON.stringify({ text: "x".repeat(4_000_000), password: "hunter2" }))).toBeTruthy();
    clearInterval(timer);
    expect(pauses).toBeGreaterThan(0);
  });
});

describe("the judge", () => {
  it("holds back what is excluded and what is secret, and lets pass what the page allows", async () => {
    const given = { ...options, exclude: ["cache:*"], allowSensitive: ["token_names"] };
    const judge = createJudge(given, undefined, async () => createSecretJudge(given, () => undefined));
    expect(await judge("cache:1", "x")).toMatchObject({ rule: "excluded" });
    expect(await judge("auth_token", "x")).toMatchObject({ rule: "token" });
    expect(await judge("token_names", "x")).toBeUndefined();
    expect(await judge("note", "x")).toBeUndefined();
  });

  it("asks for the rules only where a pair looks as if one might hold", async () => {
    const finder = vi.fn(async () => createSecretJudge(options, () => undefined));
    const judge = createJudge(options, undefined, finder);
    const ordinary = { id: 12, text: "Buy milk", at: "2024-05-06T07:08:09.123Z", link: "https://example.com:8080/a?b=c@d" };
    expect(await judge("todo:12", JSON.stringify(ordinary))).toBeUndefined();
    expect(await judge("big", "task-12 ".repeat(12_000))).toBeUndefined();
    expect(finder).not.toHaveBeenCalled();
    expect(await judge("big", " ".repeat(131_000) + '{"password":"hunter2!"}')).toMatchObject({ rule: "password_member" });
    expect(finder).toHaveBeenCalledOnce();
  });
});
