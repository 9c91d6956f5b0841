import { describe, expect, it, vi } from "vitest";
import { manyPairs, migrate, newProfile, sorted, useServer } from "./support/client.js";
import { AreaStorage } from "./support/storage.js";

const world = useServer();

describe("whether a migration is needed", () => {
  it("is answered before, after, after a change, and where everything is gone", async () => {
    const profile = newProfile(manyPairs(5));
    const client = world.open(profile);
    expect(await client.checkIfMigrationNeeded()).toMatchObject({
      needed: true,
      itemCount: 5,
      recommendation: "migrate",
    });
    await migrate(client);
    expect(await client.checkIfMigrationNeeded()).toMatchObject({ needed: false, recommendation: "up_to_date" });
    expect(await world.open(profile).checkIfMigrationNeeded()).toMatchObject({ recommendation: "up_to_date" });
    profile.area.setItem("item:0", "changed");
    expect(await client.checkIfMigrationNeeded()).toMatchObject({ needed: true, recommendation: "migrate" });
    profile.area.clear();
    expect(await client.checkIfMigrationNeeded()).toMatchObject({ needed: false, recommendation: "restore" });
  });

  it("counts the bytes of the lines, in UTF-8", async () => {
    const client = world.open(newProfile([["a", "\u00e9\ud800"]]));
    expect((await client.checkIfMigrationNeeded()).storageSize).toBe(
      Buffer.byteLength(JSON.stringify(["a", "\u00e9\ud800"])),
    );
  });

  it("is no where there is nothing", async () => {
    const client = world.open(newProfile());
    expect(await client.checkIfMigrationNeeded()).toMatchObject({ needed: false, recommendation: "empty" });
    expect(await migrate(client)).toMatchObject({ ok: false, code: "empty" });
  });
});

describe("the plan", () => {
  it("breaks the storage down, and changes nothing", async () => {
    world.server.collections = [{ name: "notes", patterns: ["note:*"], conflict_policy: "AUTO_MERGE" }];
    const profile = newProfile([
      ["note:1", '{"a":1}'],
      ["note:2", '"{\\"b\\":2}"'],
      ["todo:1", "true"],
      ["todo:2", "12"],
      ["theme", "dark"],
      ["cache:1", "x"],
      ["auth_token", "abc"],
    ]);
    const { plan, canProceed, blockers } = await world.open(profile, { exclude: ["cache:*"] }).createMigrationPlan();
    expect(blockers).toEqual([]);
    expect(canProceed).toBe(true);
    expect(plan.dataBreakdown.map(({ name, count, types }) => [name, count, types])).toEqual([
      ["notes", 2, { object: 1, doubleEncoded: 1 }],
      ["todo", 2, { boolean: 1, number: 1 }],
      ["default", 1, { text: 1 }],
    ]);
    expect(plan.withheld.map(({ key, rule }) => [key, rule])).toEqual([
      ["cache:1", "excluded"],
      ["auth_token", "token"],
    ]);
    expect(plan.recommendations.map(({ code }) => code)).toEqual([
      "secrets_withheld",
      "double_encoded",
      "not_persisted",
    ]);
    expect(plan.estimatedDuration.min).toBeLessThan(plan.estimatedDuration.max);
    expect(world.server.asked("POST", "/runs")).toEqual([]);
  });
});

describe("validating", () => {
  it("names what differs on either side", async () => {
    const profile = newProfile(manyPairs(30));
    const client = world.open(profile);
    await migrate(client);
    const compared = { receipt: false };
    const same = { ok: true, valid: true, differing: [], quarantined: [], onlyOnServer: [], receipt: null };
    expect(await client.validateMigration(compared)).toEqual(same);
    profile.area.setItem("item:3", "other");
    profile.area.removeItem("item:4");
    expect(await client.validateMigration(compared)).toEqual({
      ...same,
      valid: false,
      differing: ["item:3"],
      onlyOnServer: ["item:4"],
    });
  });

  it("tells what the server has set aside from what it lacks", async () => {
    const profile = newProfile(manyPairs(5));
    const client = world.open(profile);
    const key = "item:2";
    world.server.setAside = (stored) => (stored === key ? "schema" : undefined);
    await migrate(client);
    const found = await client.validateMigration();
    expect(found).toMatchObject({ valid: true, differing: [], quarantined: [{ key, code: "schema" }] });
    // Another value under that key was never sent.
    profile.area.setItem(key, "other");
    expect(await client.validateMigration()).toMatchObject({ valid: false, differing: [key], quarantined: [] });
  });

  it("has the server hold the last run to its receipt", async () => {
    const profile = newProfile(manyPairs(3));
    const client = world.open(profile);
    expect(await client.validateMigration()).toMatchObject({ ok: true, valid: false, receipt: null });
    const { migrationId } = await migrate(client);
    expect(await client.validateMigration()).toMatchObject({ valid: true, receipt: { run: migrationId, valid: true } });
    world.server.holds = false;
    expect(await client.validateMigration()).toMatchObject({ valid: false, differing: [], receipt: { valid: false } });
    // A run the server forgot has no receipt to be held to.
    world.server.intercept = ({ path }) =>
      path.endsWith("/validate") ? { status: 404, body: { code: "not_found" } } : undefined;
    expect(await client.validateMigration()).toMatchObject({ valid: true, receipt: null });
    world.server.intercept = ({ path }) =>
      path.endsWith("/validate") ? { status: 400, body: { code: "bad_request" } } : undefined;
    expect(await client.validateMigration()).toMatchObject({ ok: false, code: "bad_request" });
  });
});

describe("backups", () => {
  it("bring a browser back code unit for code unit, and leave what else is there", async () => {
    const odd: [string, string][] = [["\ud800", "\udfff\0"], ["", "\ufeff"], ["__proto__", "1"], ...manyPairs(50)];
    const profile = newProfile(odd);
    const client = world.open(profile);
    const made = await client.createBackup();
    expect(made.ok).toBe(true);
    expect(world.server.held()).toEqual([]);
    profile.area.clear();
    profile.area.setItem("other", "stays");
    const listed = await client.listBackups();
    const id = listed.ok ? listed.backups[0]!.id : "";
    expect(await client.restoreBackup(id)).toEqual({ ok: true, restored: odd.length });
    expect(sorted(profile.area.entries())).toEqual(sorted([...odd, ["other", "stays"]]));
    const file = await client.downloadBackup(id);
    expect(file.ok && file.blob.size).toBeGreaterThan(0);
  });

  it("are restored whole or not at all", async () => {
    const profile = newProfile(manyPairs(50, 100));
    const client = world.open(profile);
    await client.createBackup();
    const id = [...world.server.runs.keys()][0]!;
    const small = { ...profile, area: new AreaStorage([["mine", "x"]], 600) };
    expect(await world.open(small).restoreBackup(id)).toMatchObject({ ok: false, code: "quota_exceeded" });
    expect(small.area.entries()).toEqual([["mine", "x"]]);
  });
});

describe("figures", () => {
  it("are there during a run and after it", async () => {
    const client = world.open(newProfile(manyPairs(600, 2000)), { metricsInterval: 20 });
    const metrics = vi.fn();
    client.on("metricsUpdate", metrics);
    await migrate(client);
    expect(metrics).toHaveBeenCalled();
    expect(metrics.mock.calls[0]![0]).toMatchObject({ breaker: "closed", retries: 0 });
    expect(await client.getMigrationStatistics()).toMatchObject({ runs: 1, completed: 1, failed: 0, entries: 600 });
    expect(JSON.parse(client.exportProgressData())).toMatchObject({ stage: "completed" });
    expect(await client.checkSystemHealth()).toMatchObject({ healthy: true, breaker: "closed", indexedDB: true });
    expect(await client.validateMigrationReadiness()).toMatchObject({ ready: true });
    expect(await client.canRollback()).toEqual({ canRollback: true, reasons: [] });
  });
});

describe("watching", () => {
  it("tells whoever listens that the storage has changed, until the client is destroyed", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = world.open(profile, { rescanInterval: 10 });
    const counts: number[] = [];
    client.on("sourceChanged", ({ itemCount }) => counts.push(itemCount));
    const written = async (key: string) => {
      profile.area.setItem(key, `${Math.random()}`);
      await vi.waitFor(() => expect(counts.length).toBeGreaterThan(0), { timeout: 300, interval: 20 });
    };
    // The first look remembers; whatever it came too late for is no change.
    await vi.waitFor(() => written("b"), { timeout: 20_000 });
    expect(counts.at(-1)).toBe(2);
    client.destroy();
  });
});
