import { describe, expect, it, vi } from "vitest";
import type { MigrationEventName } from "../src/types.js";
import { manyPairs, migrate, newProfile, sorted, useServer } from "./support/client.js";

const world = useServer();

describe("a small user", () => {
  it("needs a session, a run and a receipt, and nothing more", async () => {
    const profile = newProfile(manyPairs(100));
    const result = await migrate(world.open(profile));
    expect(result).toMatchObject({ ok: true, state: "completed" });
    expect(world.server.calls.map(({ method, path }) => `${method} ${path.split("/")[1]!.split("?")[0]}`)).toEqual([
      "POST sessions",
      "POST runs",
      "GET runs",
    ]);
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
  });

  it("brings every kind of text over unchanged, and leaves the storage as it was", async () => {
    const odd: [string, string][] = [
      ["", "empty key"],
      ["__proto__", '{"polluted":true}'],
      ["\ud800", "\udfff\0"],
      ["length", "1"],
      ["getItem", "\ufeff"],
      ["big", "9007199254740993"],
      ["e\u0301", "NFD"],
      ["\u00e9", "NFC"],
    ];
    const profile = newProfile(odd);
    await migrate(world.open(profile));
    expect(sorted(world.server.held())).toEqual(sorted(odd));
    expect(profile.area.entries()).toEqual(odd);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("keeps secrets in the browser and says which", async () => {
    const profile = newProfile([
      ["note", "hello"],
      ["auth_token", "abc"],
    ]);
    const result = await migrate(world.open(profile));
    expect(world.server.held()).toEqual([["note", "hello"]]);
    expect(result.withheld.map(({ key }) => key)).toEqual(["auth_token"]);
    expect(result.receipt!.statement.withheld.entries).toBe(1);
  });

  it("tells its story in events", async () => {
    const client = world.open(newProfile(manyPairs(5)));
    const told: MigrationEventName[] = [];
    for (const name of ["migrationStarted", "stageChanged", "migrationCompleted", "migrationFailed"] as const)
      client.on(name, () => told.push(name));
    await migrate(client);
    expect(told[0]).toBe("stageChanged");
    expect(told).toContain("migrationStarted");
    expect(told.at(-1)).toBe("migrationCompleted");
    expect(told).not.toContain("migrationFailed");
    expect(client.getMigrationStatus()).toMatchObject({ stage: "completed", percentage: 100, resumable: false });
  });
});

describe("a large user", () => {
  const large = () => newProfile(manyPairs(600, 2000));

  it("travels in chunks within the limits", async () => {
    const profile = large();
    const result = await migrate(world.open(profile));
    expect(result.ok).toBe(true);
    const chunks = world.server.asked("PUT", "/chunks/");
    expect(chunks.length).toBeGreaterThan(1);
    for (const { body, headers } of chunks) {
      expect(body.length).toBeLessThanOrEqual(1 << 20);
      expect(Number(headers["migration-bytes"])).toBeLessThanOrEqual(1 << 20);
    }
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
  });

  it("is right although the page writes on", async () => {
    const profile = large();
    let puts = 0;
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts <= 3) {
        profile.area.setItem("item:1", "changed " + puts);
        profile.area.setItem("new:" + puts, "added");
        profile.area.removeItem("item:" + (100 + puts));
      }
      return undefined;
    };
    const result = await migrate(world.open(profile));
    expect(result.ok).toBe(true);
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
  });

  it("sends only what is missing after the page was closed half-way", async () => {
    const profile = large();
    let puts = 0;
    const first = world.open(profile);
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts === 2) first.destroy();
      return undefined;
    };
    await migrate(first);
    const sent = world.server
      .asked("PUT", "/chunks/")
      .reduce((sum, { headers }) => sum + Number(headers["migration-entries"]), 0);
    expect(sent).toBeLessThan(600);
    world.server.intercept = () => undefined;
    const second = world.open(profile);
    expect(await second.checkIfMigrationNeeded()).toMatchObject({ needed: true, recommendation: "resume" });
    const result = await migrate(second);
    expect(result.ok).toBe(true);
    expect(world.server.runs.size).toBe(1);
    const total = world.server
      .asked("PUT", "/chunks/")
      .reduce((sum, { headers }) => sum + Number(headers["migration-entries"]), 0);
    const reasons = world.server.asked("PUT", "/chunks/").map(({ headers }) => headers["migration-reason"]);
    expect(new Set(reasons)).toEqual(new Set(["target", "rest"]));
    expect(total).toBe(600);
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
  });

  it("resumes with what was changed, added and removed in between", async () => {
    const profile = large();
    const first = world.open(profile);
    let puts = 0;
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts === 3) first.destroy();
      return undefined;
    };
    await migrate(first);
    world.server.intercept = () => undefined;
    profile.area.setItem("item:0", "changed");
    profile.area.setItem("fresh", "added");
    profile.area.removeItem("item:2");
    expect((await migrate(world.open(profile))).ok).toBe(true);
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
  });

  it("deletes nothing when the storage was wiped half-way", async () => {
    const profile = large();
    const before = profile.area.entries();
    let puts = 0;
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts === 2) profile.area.clear();
      return undefined;
    };
    expect((await migrate(world.open(profile))).ok).toBe(true);
    expect(sorted(world.server.held())).toEqual(sorted(before));
  });

  it("begins another run where the server forgot the old one", async () => {
    const profile = large();
    const first = world.open(profile);
    world.server.intercept = ({ method }) => (method === "PUT" ? (first.destroy(), undefined) : undefined);
    await migrate(first);
    world.server.runs.clear();
    world.server.intercept = () => undefined;
    expect((await migrate(world.open(profile))).ok).toBe(true);
    expect(world.server.held().length).toBe(600);
  });

  it("sends again what verification did not find", async () => {
    const profile = large();
    let lost = 0;
    world.server.lose = (key, run) => run.rounds === 0 && /7$/.test(key) && ++lost < 40;
    const result = await migrate(world.open(profile));
    expect(result.ok).toBe(true);
    expect(lost).toBeGreaterThan(0);
    const resent = world.server
      .asked("PUT", "/chunks/")
      .reduce((sum, { headers }) => sum + Number(headers["migration-entries"]), 0);
    expect(resent).toBe(600 + Math.min(lost, 39));
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
  });

  it("gives up after three rounds of repair", async () => {
    world.server.lose = (key) => key === "item:1";
    const result = await migrate(world.open(large()));
    expect(result).toMatchObject({ ok: false, state: "failed" });
    expect(world.server.held()).toEqual([]);
  });
});

describe("what the server refuses", () => {
  it("withholds what the server's scan names, and cuts again", async () => {
    const profile = newProfile(manyPairs(600, 2000));
    world.server.sensitive = (key) => (key === "item:7" || key === "item:150" ? "secret" : undefined);
    const result = await migrate(world.open(profile));
    expect(result.ok).toBe(true);
    expect(result.withheld.map(({ key }) => key).sort()).toEqual(["item:150", "item:7"]);
    expect(world.server.held().length).toBe(598);
  });

  it("withholds them in a small run too", async () => {
    world.server.sensitive = (key) => (key === "item:7" ? "secret" : undefined);
    const result = await migrate(world.open(newProfile(manyPairs(20))));
    expect(result.ok).toBe(true);
    expect(world.server.held().length).toBe(19);
  });

  it("reports an entry that is too large and moves the rest", async () => {
    world.server.limits = { ...world.server.limits, single_entry_bytes: 700_000 };
    const profile = newProfile([...manyPairs(10), ["huge", "x".repeat(1_000_000)]]);
    const client = world.open(profile);
    const errors: string[] = [];
    client.on("errorAdded", ({ key }) => errors.push(key!));
    const result = await migrate(client);
    expect(result).toMatchObject({ ok: true, refused: [{ key: "huge", code: "too_large" }] });
    expect(errors).toEqual(["huge"]);
    expect(world.server.held().length).toBe(10);
  });

  it("fails on it where the page does not want to go on", async () => {
    world.server.limits = { ...world.server.limits, single_entry_bytes: 700_000 };
    const profile = newProfile([...manyPairs(10), ["huge", "x".repeat(1_000_000)]]);
    const result = await migrate(world.open(profile), { continueOnError: false });
    expect(result).toMatchObject({ ok: false, code: "entry_refused" });
  });

  it("sends a damaged chunk again under another id", async () => {
    let damaged = 0;
    world.server.intercept = ({ method }) =>
      method === "PUT" && damaged++ < 2 ? { status: 422, body: { code: "checksum_mismatch" } } : undefined;
    const result = await migrate(world.open(newProfile(manyPairs(600, 2000))));
    expect(result.ok).toBe(true);
    const ids = world.server.asked("PUT", "/chunks/").map(({ path }) => path);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("goes on under a new epoch", async () => {
    let puts = 0;
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts === 2) world.server.epoch = "1.2";
      return undefined;
    };
    const result = await migrate(world.open(newProfile(manyPairs(600, 2000))));
    expect(result.ok).toBe(true);
    expect(world.server.held().length).toBe(600);
  });

  it("begins another run where the old one belongs to an older epoch", async () => {
    let refused = 0;
    world.server.intercept = ({ method }) =>
      method === "PUT" && world.server.runs.size === 1 && ++refused
        ? { status: 409, body: { code: "stale_epoch", config: world.server.config } }
        : undefined;
    const result = await migrate(world.open(newProfile(manyPairs(600, 2000))));
    expect(result.ok).toBe(true);
    expect(refused).toBeGreaterThan(0);
    expect(world.server.runs.size).toBe(2);
  });

  it("stops when the app is disabled, and says so", async () => {
    const profile = newProfile(manyPairs(600, 2000));
    const client = world.open(profile);
    const revoked = vi.fn();
    client.on("revoked", revoked);
    world.server.intercept = ({ method }) =>
      method === "PUT" ? { status: 403, body: { code: "app_disabled" } } : undefined;
    const result = await migrate(client);
    expect(result).toMatchObject({ ok: false, code: "app_disabled" });
    expect(revoked).toHaveBeenCalled();
    expect(profile.area.length).toBe(600);
  });
});

describe("wishes", () => {
  it("cancels, and tells the server", async () => {
    const client = world.open(newProfile(manyPairs(600, 2000)));
    const run = await client.startMigration();
    world.server.intercept = ({ method }) => (method === "PUT" ? (void run.cancel(), undefined) : undefined);
    expect(await run.done).toMatchObject({ ok: false, code: "cancelled", state: "cancelled" });
    expect([...world.server.runs.values()][0]!.state).toBe("cancelled");
    expect(client.getMigrationStatus().resumable).toBe(false);
  });

  it("is cancelled by a signal", async () => {
    const abort = new AbortController();
    const client = world.open(newProfile(manyPairs(600, 2000)));
    world.server.intercept = ({ method }) => (method === "PUT" ? (abort.abort(), undefined) : undefined);
    expect(await migrate(client, { signal: abort.signal })).toMatchObject({ ok: false, code: "cancelled" });
  });

  it("pauses and goes on", async () => {
    const client = world.open(newProfile(manyPairs(600, 2000)));
    const paused = vi.fn();
    client.on("migrationPaused", paused);
    const run = await client.startMigration();
    let pause: Promise<void> | undefined;
    world.server.intercept = ({ method }) => (method === "PUT" ? ((pause ??= run.pause()), undefined) : undefined);
    await vi.waitFor(() => expect(world.server.asked("POST", "/pause").length).toBe(1), { timeout: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Two lanes: what the other one had packed may still leave.
    expect(world.server.asked("PUT", "/chunks/").length).toBeLessThanOrEqual(2);
    expect(client.getMigrationStatus().paused).toBe("user");
    await run.resume();
    expect((await run.done).ok).toBe(true);
    expect(world.server.asked("PUT", "/chunks/").length).toBeGreaterThan(2);
    expect(paused).toHaveBeenCalledTimes(1);
    expect(world.server.held().length).toBe(600);
  });

  it("rehearses without keeping anything", async () => {
    const client = world.open(newProfile(manyPairs(10)));
    const result = await migrate(client, { dryRun: true });
    expect(result).toMatchObject({ ok: true, receipt: null });
    expect(world.server.held()).toEqual([]);
    expect(client.getMigrationStatus().resumable).toBe(false);
  });

  it("gives the same handle to a second start", async () => {
    const client = world.open(newProfile(manyPairs(10)));
    const [one, two] = await Promise.all([client.startMigration(), client.startMigration()]);
    expect(one).toBe(two);
    await one!.done;
    expect(world.server.runs.size).toBe(1);
  });
});
