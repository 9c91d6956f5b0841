import { beforeAll, describe, expect, it, vi } from "vitest";
import type { CompareRules } from "../src/types.js";
import { manyPairs, newProfile, type Profile } from "./support/client.js";
import { soon, useWriters } from "./support/writing.js";

const { world, settled, records, block } = useWriters();

const COMPARE: CompareRules = { rate: 1, ignore: [], comparator: "exact" };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// What is fetched when it is needed has to be compiled here first; no comparison waits for that.
beforeAll(() => Promise.all([import("../src/cutover.js"), import("../src/sync.js"), import("../src/engine.js")]), 60_000);

describe("comparisons", () => {
  const shadowed = (rules: Partial<CompareRules> = {}) =>
    Object.assign(world.server, { stage: "shadow", stages: [{ collection: "", compare: { ...COMPARE, ...rules } }] });
  /** Figures of all reports so far, once `enough` of them are there. Whoever leaves a page tells what is left to tell. */
  const figures = async (enough: (sum: Record<string, number>) => boolean) => {
    const sum: Record<string, number> = {};
    await soon(() => {
      for (const { lines } of world.server.reports.splice(0))
        for (const { compared, agreed, noise, errors } of lines)
          Object.entries({ compared, agreed, noise, errors }).forEach(([name, n]) => (sum[name] = (sum[name] ?? 0) + (n as number)));
      expect(enough(sum)).toBe(true);
    });
    return sum;
  };
  /** What was sent of comparisons; the outbox alone is told without. */
  const sent = () => world.server.asked("POST", "/comparisons").map(({ json }) => json).filter(({ lines }) => lines);
  const mismatches = () => sent().flatMap((json) => json.mismatches);
  /** The server's copy becomes another, and nothing of it is ever told to a device. */
  const damage = (key: string, value?: string) =>
    void (world.server.intercept = ({ path, json }) => {
      if (path !== "/records/read") return undefined;
      const answer = records().read(json.keys.map((one: string) => JSON.parse(one)));
      for (const record of answer.records)
        if (JSON.parse(record.line)[0] === key) record.line = JSON.stringify(value === undefined ? [key] : [key, value]);
      return { status: 200, body: answer };
    });
  const fast = { reportInterval: 30 };
  /** A page that reads all it has once all is sent: what was pending when sweeps began is compared, too. */
  const reading = async (profile: Profile) => {
    const client = await settled(profile, fast);
    await client.getAll();
    return client;
  };

  it("say that both sides agree, and how fast the server was and what waits", async () => {
    shadowed();
    await reading(newProfile([["a", "1"], ["b", "2"]]));
    expect(await figures(({ compared }) => compared! >= 2)).toMatchObject({ noise: 0, errors: 0 });
    const json = sent()[0]!;
    expect(json).toMatchObject({ epoch: world.server.epoch, mismatches: [], outbox: { count: 0, errors: 0 } });
    expect(json.lines[0].ms.length).toBeGreaterThan(0);
  });

  it("need not be for the server to hear how the outbox stands", async () => {
    await settled(newProfile([["a", "1"]]));
    await soon(() => expect(world.server.reports).toEqual([{ lines: [], mismatches: [], outbox: expect.objectContaining({ count: 0, oldest_seconds: 0 }) }]));
  });

  it("name both values where they differ, and why", async () => {
    shadowed();
    damage("a", "other");
    await reading(newProfile([["a", "1"], ["b", "2"]]));
    await figures(({ compared = 0, agreed = 0 }) => compared > agreed);
    expect(mismatches()[0]).toEqual({ collection: "", key: "a", reason: "differs", local: "1", server: "other" });
    damage("b");
    await (await reading(newProfile([["b", "2"]]))).get("b");
    await soon(() => expect(mismatches()).toContainEqual(expect.objectContaining({ key: "b", reason: "absent_server", server: null })));
  });

  it("hold back what is a secret only as long as it is whole", async () => {
    shadowed();
    const secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc";
    damage("a", "x".repeat(2030) + " " + secret);
    await reading(newProfile([["a", "1"], ["b", "2"]]));
    await figures(({ compared = 0, agreed = 0 }) => compared > agreed);
    damage("b", "other");
    await (await reading(newProfile([["b", "2"]]))).get("b");
    await soon(() => expect(mismatches().map(({ key }) => key)).toContain("b"));
    expect(JSON.stringify(sent())).not.toContain("sk_live");
    expect(mismatches().map(({ key }) => key)).not.toContain("a");
  });

  it("are told in the form the server's own tests hold it to", async () => {
    shadowed();
    const texts: Record<string, string> = { long: "é".repeat(3000), torn: "\ud800 and so on", cut: '"\\'.repeat(2000) };
    const profile = newProfile([...Object.keys(texts).map((key): [string, string] => [key, "here"]), ["gone", "here"]]);
    world.server.intercept = ({ path, json }) => {
      if (path !== "/records/read") return undefined;
      const lines = json.keys.map((one: string) => JSON.parse(one)).map((key: string) => (key in texts ? [key, texts[key]] : [key]));
      return { status: 200, body: { records: lines.map((line: string[]) => ({ line: JSON.stringify(line), revision: 0 })) } };
    };
    await reading(profile);
    await soon(() => expect(new Set(mismatches().map(({ key }) => key))).toEqual(new Set([...Object.keys(texts), "gone"])));
    const body = sent().find(({ mismatches }) => mismatches.length)!;
    const once = new Map<string, any>(mismatches().map((one) => [one.key, one]));
    const told = { ...body, epoch: "1.1", mismatches: [...once.values()].sort((a, b) => (a.key < b.key ? -1 : 1)) };
    told.lines = body.lines.map((line: object) => ({ ...line, compared: 4, agreed: 0, noise: 0, errors: 0, ms: [1.5] }));
    await expect(`${JSON.stringify(told, undefined, 2)}\n`).toMatchFileSnapshot("../../tests/vectors/comparisons.json");
  });

  it("go by the collection's rules", async () => {
    shadowed({ comparator: "json", ignore: ["/at"] });
    damage("a", '{"n": 1, "at": 2}');
    await reading(newProfile([["a", '{"at":1,"n":1}']]));
    const { compared, agreed } = await figures(({ compared }) => compared! >= 1);
    expect(agreed).toBe(compared);
  });

  it("never look at what is still to be sent, nor at secrets", async () => {
    shadowed();
    const profile = newProfile([["auth_token", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"], ["a", "1"]]);
    const client = await reading(profile);
    await figures(({ compared }) => compared! >= 1);
    block();
    profile.area.setItem("a", "mine");
    await soon(() => expect(client.pending.count).toBe(1));
    await client.getAll();
    await pause(300);
    const asked = world.server.asked("POST", "/records/read").flatMap(({ json }) => json.keys);
    expect(new Set(asked)).toEqual(new Set(['"a"']));
    expect(mismatches()).toEqual([]);
  });

  it("call noise what does not agree with itself", async () => {
    shadowed();
    const profile = newProfile([["a", "1"]]);
    let writes = 0;
    world.server.intercept = ({ path }) => {
      if (path === "/records/read") profile.area.setItem("a", `${++writes}!`);
      return undefined;
    };
    await reading(profile);
    expect(await figures(({ noise = 0 }) => noise > 0)).toMatchObject({ agreed: 0 });
    expect(mismatches().filter(({ reason }) => reason !== "noise")).toEqual([]);
  });

  it("count what the server did not answer, and reach the page with nothing", async () => {
    shadowed();
    world.server.intercept = ({ path }) => (path === "/records/read" ? { status: 400, body: { code: "bad_request" } } : undefined);
    const client = await reading(newProfile([["a", "1"]]));
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser" });
    await figures(({ errors = 0 }) => errors > 0);
  });

  it("rest while the page is hidden", async () => {
    vi.stubGlobal("document", { visibilityState: "hidden" });
    shadowed();
    const client = await settled(newProfile([["a", "1"]]), fast);
    await client.get("a");
    await pause(300);
    expect(world.server.asked("POST", "/records/read")).toEqual([]);
  });

  it("take the share of reads the collection says", async () => {
    shadowed({ rate: 0 });
    const client = await settled(newProfile(manyPairs(5)), fast);
    await client.getAll();
    await pause(300);
    expect(world.server.asked("POST", "/records/read")).toEqual([]);
  });
});
