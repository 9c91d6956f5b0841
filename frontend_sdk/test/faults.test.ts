import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { manyPairs, migrate, newProfile, sorted, useServer } from "./support/client.js";

const world = useServer();

beforeEach(() => void vi.spyOn(Math, "random").mockReturnValue(0.01));
afterEach(() => void vi.restoreAllMocks());

describe("a bad line", () => {
  it.each(["cut", "late", { status: 503 }] as const)(
    "costs nothing and doubles nothing: every second request %j",
    async (fault) => {
      let n = 0;
      world.server.intercept = () => (++n % 2 ? fault : undefined);
      const profile = newProfile(manyPairs(500, 1500));
      const result = await migrate(world.open(profile));
      expect(result.ok).toBe(true);
      expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
      expect(world.server.runs.size).toBe(1);
      const [run] = world.server.runs.values();
      expect(run!.chunks.size).toBe(new Set(world.server.asked("PUT", "/chunks/").map(({ path }) => path)).size);
    },
  );

  it("costs a small user nothing either when the answer to the creation is lost", async () => {
    let n = 0;
    world.server.intercept = ({ method, path }) =>
      method === "POST" && path === "/runs" && ++n === 1 ? "late" : undefined;
    expect((await migrate(world.open(newProfile(manyPairs(20))))).ok).toBe(true);
    expect(world.server.runs.size).toBe(1);
    expect(world.server.held().length).toBe(20);
  });
});

describe("a tab closed at any request", () => {
  it.each([2, 3, 4, 5, 6, 7, 8, 9])("loses and doubles nothing: request %i", async (at) => {
    const profile = newProfile(manyPairs(500, 2000));
    const first = world.open(profile);
    let n = 0;
    world.server.intercept = () => {
      if (++n === at) first.destroy();
      return n === at ? "late" : undefined;
    };
    const cutOff = !(await migrate(first)).ok;
    world.server.intercept = () => undefined;
    expect((await migrate(world.open(profile))).ok).toBe(true);
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
    const completed = [...world.server.runs.values()].filter(({ state }) => state === "completed").length;
    expect(completed).toBe(cutOff ? 1 : 2);
  });
});

describe("a page that writes while it is read", () => {
  it.each(Array.from({ length: 12 }, (_, i) => i))("never loses its last write, schedule %i", async (seed) => {
    let state = seed * 7919 + 1;
    const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
    const profile = newProfile(manyPairs(400, 1500));
    let writes = 0;
    const write = () => {
      const key = "item:" + Math.floor(random() * 430);
      if (random() < 0.2) profile.area.removeItem(key);
      else profile.area.setItem(key, "write " + ++writes);
    };
    world.server.intercept = ({ path }) => {
      // What is asked for at the end, or by the clock, says nothing of when the page is read.
      if (!/seal|receipt|tickets/.test(path) && random() < 0.7) for (let i = 0; i < 5; i++) write();
      return undefined;
    };
    const timer = setInterval(write, 1);
    setTimeout(() => clearInterval(timer), 30);
    const result = await migrate(world.open(profile));
    expect(result.ok).toBe(true);
    const held = new Map(world.server.held());
    const local = new Map(profile.area.entries());
    const differing = [...local].filter(([key, value]) => held.get(key) !== value);
    const extra = [...held.keys()].filter((key) => !local.has(key));
    // What was written after the last look is the next run's; the bound on rounds leaves at most that.
    expect(differing.length + extra.length).toBeLessThanOrEqual(5);
  });
});

describe("the page", () => {
  it("is not disturbed by listeners of its own that throw", async () => {
    const silent = vi.spyOn(console, "error").mockImplementation(() => {});
    const client = world.open(newProfile(manyPairs(10)));
    const after = vi.fn();
    client.on("stageChanged", () => {
      throw new Error("mine");
    });
    client.on("stageChanged", after);
    const result = await migrate(client, {
      onProgress: async () => {
        throw new Error("mine too");
      },
      onComplete: () => {
        throw new Error("and mine");
      },
    });
    expect(result.ok).toBe(true);
    expect(after).toHaveBeenCalled();
    expect(silent).toHaveBeenCalled();
  });

  it("stops hearing when it unsubscribes", async () => {
    const client = world.open(newProfile(manyPairs(3)));
    const [one, two] = [vi.fn(), vi.fn()];
    client.on("migrationStarted", one)();
    client.on("migrationStarted", two);
    client.off("migrationStarted", two);
    await migrate(client);
    expect(one).not.toHaveBeenCalled();
    expect(two).not.toHaveBeenCalled();
  });

  it("hears of a server that is away, and of its return", async () => {
    let away = true;
    world.server.intercept = () => (away ? "cut" : undefined);
    const client = world.open(newProfile(manyPairs(10)));
    expect(await client.initialize()).toMatchObject({ ok: false, code: "network" });
    expect(await client.checkIfMigrationNeeded()).toMatchObject({ needed: true, itemCount: 10, code: "network" });
    expect(await client.createMigrationPlan()).toMatchObject({ canProceed: false, plan: { itemCount: 10 } });
    const run = await client.startMigration();
    await vi.waitFor(() => expect(client.getMigrationStatus().paused).toBe("server"), { timeout: 15_000 });
    away = false;
    expect((await run.done).ok).toBe(true);
  });
});

describe("a server that asks for time", () => {
  it("is given it by the next visit, too", async () => {
    const profile = newProfile(manyPairs(3));
    let told = 0;
    world.server.intercept = () => {
      told = performance.now();
      return { status: 503, body: {}, headers: { "Retry-After": "2" } };
    };
    const first = world.open(profile);
    void first.initialize();
    await vi.waitFor(() => expect(world.server.calls.length).toBe(1), { timeout: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    first.destroy();
    world.server.intercept = () => undefined;
    const before = world.server.calls.length;
    expect(await world.open(profile).initialize()).toMatchObject({ ok: true });
    expect(performance.now() - told).toBeGreaterThan(1990);
    expect(before).toBe(1);
  });
});

describe("what answers in the server's place", () => {
  it.each(["{}", "[]", "null", '"ok"'])("is not taken for its configuration: %s", async (body) => {
    let strange = true;
    world.server.validToken = () => "ann";
    const portal = { status: 200, body: JSON.parse(body), headers: { "Migration-Epoch": "" } };
    world.server.intercept = ({ path }) => (strange && path === "/config" ? portal : undefined);
    const client = world.open(newProfile(manyPairs(3)), { token: () => "h.e30.s" });
    expect(await client.initialize()).toMatchObject({ ok: false });
    strange = false;
    expect(await client.initialize()).toMatchObject({ ok: true });
  });
});
