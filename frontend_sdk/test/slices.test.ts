import { afterEach, describe, expect, it, vi } from "vitest";
import { breathe } from "../src/pace.js";
import type { MigrationClient } from "../src/types.js";
import { newProfile, useServer, type Profile } from "./support/client.js";
import { charge, watchLabour, type Labour } from "./support/labour.js";

/** The page comes first: no piece of our work keeps its main thread for longer than three frames. */

vi.mock("../src/sha256.js", async (load) => {
  const real = await load<typeof import("../src/sha256.js")>();
  // Long input goes to the browser's own, on another thread.
  return { sha256: (bytes: Uint8Array<ArrayBuffer>) => (charge("hash", Math.min(bytes.length, 2048)), real.sha256(bytes)) };
});
vi.mock("../src/mark.js", async (load) => {
  // After each such piece a pause is possible.
  const real = await load<typeof import("../src/mark.js")>();
  const markOf: typeof real.markOf = (text) => (charge("mark", Math.min(text.length, 1 << 16)), real.markOf(text));
  const markOfEntry: typeof real.markOfEntry = (key, value) => markOf(key.length + ":" + key + value);
  return { ...real, markOf, markOfEntry };
});

const LONGEST_MS = 50;
const numbered = (count: number, make: (n: number) => [string, string]) => Array.from({ length: count }, (_, n) => make(n));
const SHAPES: Record<string, () => [string, string][]> = {
  "50,000 keys": () => numbered(50_000, (n) => ["note:" + n, `{"n":${n}}`]),
  "5 MiB in one value": () => [["k", "lörem 漢 ipsu".repeat(436_906)]],
  "5 MiB in 500 values": () => numbered(500, (n) => ["n:" + n, "lorem ipsum ".repeat(872)]),
};
const WORK: Record<string, (client: MigrationClient) => Promise<unknown>> = {
  plan: async (client) => (await client.createMigrationPlan()).canProceed,
  move: async (client) => (await (await client.startMigration()).done).ok,
  validate: async (client) => (await client.validateMigration()).ok,
  statistics: async (client) => (await client.getMigrationStatistics()).sync.state === "in_sync",
};

const world = useServer();
let labour: Labour | undefined;

afterEach(() => {
  labour?.stop();
  vi.restoreAllMocks();
});

describe("a slice of our work", () => {
  it.each(Object.entries(SHAPES))("is no longer than three frames: %s", { timeout: 120_000 }, async (_name, shape) => {
    const profile = newProfile(shape());
    const client = world.open(profile, { rescanInterval: 5000 });
    client.on("sourceChanged", () => {});
    labour = watchLabour(profile.area);
    world.server.aside = labour.aside;
    const found: Record<string, number> = {};
    for (const [name, work] of Object.entries(WORK)) {
      expect(await work(client), name).toBe(true);
      found[name] = Math.round(labour.longest());
    }
    expect(Object.entries(found).filter(([, ms]) => ms > LONGEST_MS)).toEqual([]);
    // A slice that is not even begun to be used up says that nothing was charged.
    expect(Math.max(...Object.values(found))).toBeGreaterThan(5);
  });
});

describe("a slice of dual write", () => {
  const { "50,000 keys": many, ...large } = SHAPES;
  const shapes = { "15,000 keys": () => many!().slice(0, 15_000), ...large };
  // One value travels in one request, of which the browser makes JSON and bytes in one call each: nobody can cut them.
  const oneValue = (profile: Profile) => Math.max(...profile.area.entries().map(([, { length }]) => length)) * 0.000_015;

  it.each(Object.entries(shapes))("is no longer than that, or than the sending of one value: %s", async (_name, shape) => {
    const profile = newProfile(shape());
    labour = watchLabour(profile.area);
    world.server.aside = labour.aside;
    const client = world.open(profile);
    expect(await client.install()).toEqual({ ok: true });
    expect(await client.whenSynced()).toEqual({ ok: true });
    profile.area.setItem("late", "1");
    expect(await client.whenSynced()).toEqual({ ok: true });
    const longest = labour.longest();
    expect(longest).toBeLessThan(Math.max(LONGEST_MS, oneValue(profile) + 2));
    expect(longest).toBeGreaterThan(5);
  }, 120_000);
});

describe("the clock", () => {
  it("sees work without a pause, and work that pauses", async () => {
    const area = newProfile().area;
    labour = watchLabour(area);
    const work = async (pauses: boolean) => {
      for (let n = 0; n < 100; n++) {
        JSON.stringify("x".repeat(100_000));
        if (pauses) await breathe();
      }
      await new Promise((resolve) => setImmediate(resolve));
      return labour!.longest();
    };
    expect(await work(false)).toBeGreaterThan(LONGEST_MS);
    expect(await work(true)).toBeLessThan(LONGEST_MS);
  });
});
