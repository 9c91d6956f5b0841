import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as compat from "../src/compat.js";
import type { MigrationClient, MigrationClientOptions, MigrationEventName, StartOptions } from "../src/types.js";
import { manyPairs, newProfile, useServer } from "./support/client.js";

/** Every name the seed gave: where it is, or why it is refused. */

const CALLS = [
  ...["initialize", "checkIfMigrationNeeded", "createMigrationPlan", "startMigration", "on", "off"],
  ...["checkMigrationStatus", "canRollback", "listRollbackPoints", "rollbackMigration", "createBackup"],
  ...["validateMigration", "validateMigrationReadiness", "getMigrationStatistics", "generateMigrationReport"],
  ...["exportProgressData", "checkSystemHealth", "install", "get", "getAll"],
] as (keyof MigrationClient)[];
const HANDLE = ["migrationId", "cancel", "pause", "resume", "done"];

/** An option with a value of its type; the compiler holds the names to ours. */
const CLIENT_OPTIONS: Partial<MigrationClientOptions> = { updateInterval: 1, metricsInterval: 50, errorHistoryLimit: 2 };
const DUAL_WRITE_OPTIONS: Partial<MigrationClientOptions> = {
  syncInterval: 20,
  maxRetries: 1,
  retryDelay: 10,
  healthCheckInterval: 20,
  enableDualWrite: true,
};
const RUN_OPTIONS: StartOptions = {
  conflictResolution: "AUTO_SKIP",
  backupBeforeMigration: true,
  validateAfterMigration: true,
  continueOnError: true,
  batchSize: 7,
  retryAttempts: 3,
};
/** Either keeps this browser's reads where they are. */
const CUTOVER_OPTIONS: Partial<MigrationClientOptions> & StartOptions = {
  enableGradualCutover: false,
  cutoverPercentage: 0,
};

const EVENTS: MigrationEventName[] = [
  ...(["migrationStarted", "progressUpdate", "stageChanged", "errorAdded"] as const),
  ...(["metricsUpdate", "migrationPaused", "migrationCompleted", "migrationFailed"] as const),
];
const FACADES: Record<string, (keyof MigrationClient)[]> = {
  migrationOrchestrator: ["initialize", "checkIfMigrationNeeded", "createMigrationPlan", "startMigration"],
  progressTracker: ["on", "off", "exportProgressData", "getMigrationStatus"],
  autoDetector: ["checkIfMigrationNeeded", "createMigrationPlan"],
  rollbackService: ["canRollback", "listRollbackPoints", "rollbackMigration"],
  backupService: ["createBackup", "listBackups", "restoreBackup"],
  validationService: ["validateMigration", "validateMigrationReadiness"],
  zeroDowntimeCoordinator: ["storage", "install", "pending", "ready", "get", "getAll", "checkSystemHealth"],
};

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");

const world = useServer();
let client: MigrationClient;

beforeEach(() => {
  client = world.open(newProfile(manyPairs(30)), CLIENT_OPTIONS);
});
afterEach(() => void vi.restoreAllMocks());

describe("a call of the seed", () => {
  it.each(CALLS)("is there: %s", (name) => expect(client[name]).toBeTypeOf("function"));

  it("starts a run with a handle", async () => {
    const run = await client.startMigration();
    expect(Object.keys(run)).toEqual(expect.arrayContaining(HANDLE));
    expect((await run.done).ok).toBe(true);
  });

  it("of dual write answers: storage, pending, ready, get, getAll", async () => {
    expect(client.pending).toMatchObject({ count: 0, paused: "not_installed" });
    client.storage.setItem("item:0", "through the member");
    expect(await client.ready).toEqual({ ok: true });
    expect(await client.get("item:0")).toEqual({ ok: true, value: "through the member", from: "browser" });
    expect(await client.getAll()).toMatchObject({ ok: true, entries: { length: 30 } });
    expect(await client.whenSynced("item:0")).toEqual({ ok: true });
    expect(world.server.recordsOf().value("item:0")).toBe("through the member");
  });
});

describe("an option of the seed", () => {
  const sent = () => world.server.asked("POST", "/runs")[0]!.json;

  it.each(Object.entries(RUN_OPTIONS))("reaches the server: %s", async (name, value) => {
    await (await client.startMigration(RUN_OPTIONS)).done;
    expect(sent().options[name]).toBe(value);
  });

  it("rehearses: dryRun", async () => {
    await (await client.startMigration({ dryRun: true })).done;
    expect(sent().dry_run).toBe(true);
  });

  it("steers dual write: those of the outbox", async () => {
    const page = world.open(newProfile(manyPairs(2)), { namespace: "seed", ...DUAL_WRITE_OPTIONS });
    let refusals = 0;
    world.server.intercept = ({ method, path }) =>
      method === "POST" && path === "/records" && ++refusals < 4 ? { status: 503 } : undefined;
    await page.install();
    expect(await page.whenSynced()).toEqual({ ok: true });
    expect(refusals).toBe(4);
  });

  it("switches dual write off: enableDualWrite", async () => {
    const page = world.open(newProfile(manyPairs(2)), { enableDualWrite: false });
    expect(await page.install()).toMatchObject({ ok: false, code: "dual_write_off" });
    expect(await page.ready).toMatchObject({ ok: false, code: "dual_write_off" });
  });

  it("limits what is remembered: errorHistoryLimit", async () => {
    world.server.limits = { ...world.server.limits, single_entry_bytes: 10 };
    await (await client.startMigration()).done;
    expect(client.getMigrationStatus().errors.length).toBe(CLIENT_OPTIONS.errorHistoryLimit);
  });

  it.each(Object.entries(CUTOVER_OPTIONS))("holds this browser's reads back: %s", async (name, value) => {
    world.server.stage = "server_primary";
    const held = { value: expect.any(String), from: "browser", reason: "page_setting" };
    const page = world.open(newProfile(manyPairs(3)), { namespace: name, [name]: value });
    expect(await page.get("item:0")).toMatchObject(held);
    const other = world.open(newProfile(manyPairs(3)), { namespace: name + "-run" });
    await (await other.startMigration({ [name]: value })).done;
    await vi.waitFor(async () => expect(await other.get("item:0")).toMatchObject(held), { timeout: 10_000 });
  });
});

describe("an event of the seed", () => {
  it("is told, all eight of them", async () => {
    const heard = new Set<MigrationEventName>();
    for (const name of EVENTS) client.on(name, () => heard.add(name));
    let late = 0;
    // Slow enough for figures to be told meanwhile.
    world.server.intercept = async ({ path }) => {
      if (path.endsWith("/receipt?wait=10") && !late++) await new Promise((resolve) => setTimeout(resolve, 150));
      return undefined;
    };
    const run = await client.startMigration({ cutoverPercentage: 1 });
    await run.pause();
    await run.resume();
    await run.done;
    world.server.intercept = () => ({ status: 400, body: { code: "bad_request" } });
    await (await client.startMigration()).done;
    expect([...heard].sort()).toEqual([...EVENTS].sort());
  });

  it("is one of eight", () => expect(EVENTS.length).toBe(8));
});

describe("a facade of the seed", () => {
  it.each(Object.entries(FACADES))("has its calls: %s", (name, calls) => {
    const facade = compat[name as "autoDetector"];
    expect(Object.keys(facade)).toEqual(expect.arrayContaining(calls));
  });

  it("exists for each of the seven, and nothing else does", () => {
    expect(Object.keys(compat).sort()).toEqual([...Object.keys(FACADES), "configure"].sort());
  });

  it("speaks with the one client, whichever was asked", async () => {
    const profile = newProfile(manyPairs(5));
    const { area: storage, indexedDB } = profile;
    compat.configure({ url: world.server.url, appKey: "pk_test", storage, indexedDB, rescanInterval: 0 });
    const completed = vi.fn();
    compat.progressTracker.on("migrationCompleted", completed);
    expect(await compat.autoDetector.checkIfMigrationNeeded()).toMatchObject({ needed: true, itemCount: 5 });
    const run = await compat.migrationOrchestrator.startMigration();
    expect((await run.done).ok).toBe(true);
    expect(completed).toHaveBeenCalledOnce();
    expect(await compat.validationService.validateMigration()).toMatchObject({ valid: true });
    expect(await compat.rollbackService.canRollback()).toEqual({ canRollback: true, reasons: [] });
    expect(await compat.backupService.listBackups()).toMatchObject({ ok: true });
    expect(await compat.zeroDowntimeCoordinator.ready).toEqual({ ok: true });
    expect(await compat.zeroDowntimeCoordinator.whenSynced()).toEqual({ ok: true });
    compat.migrationOrchestrator.destroy();
  });
});

describe("a facade nobody configured", () => {
  it("refuses in the shape of each call, asks nobody and keeps nothing", async () => {
    vi.resetModules();
    const asked = vi.fn();
    vi.stubGlobal("fetch", asked);
    vi.stubGlobal("window", { localStorage: newProfile(manyPairs(3)).area });
    vi.stubGlobal("indexedDB", { open: asked });
    const fresh = await import("../src/compat.js");
    const code = "not_configured";
    expect(await fresh.migrationOrchestrator.initialize()).toMatchObject({ ok: false, code });
    expect(await fresh.autoDetector.createMigrationPlan()).toMatchObject({ canProceed: false, blockers: [{ code }] });
    const run = await fresh.migrationOrchestrator.startMigration();
    expect(await run.done).toMatchObject({ ok: false, code });
    expect(await fresh.rollbackService.canRollback()).toMatchObject({ canRollback: false, reasons: [{ code }] });
    expect(await fresh.backupService.createBackup()).toMatchObject({ ok: false, code });
    expect(await fresh.validationService.validateMigrationReadiness()).toMatchObject({ ready: false });
    expect(asked).not.toHaveBeenCalled();
  });
});

describe("the README", () => {
  it.each(["timeout", "not_configured", "not_installed", "dual_write_off"])("explains the code %s", (code) => expect(README).toContain(`\`${code}\``));
});
