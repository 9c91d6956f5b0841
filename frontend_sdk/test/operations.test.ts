import { describe, expect, it } from "vitest";
import { manyPairs, migrate, newProfile, useServer } from "./support/client.js";

/** What operators and developers ask beside the main job: figures, readiness, reports. */

const world = useServer();

describe("statistics", () => {
  it("tell of the storage, the database and how the two stand to each other", async () => {
    const profile = newProfile([...manyPairs(7), ["auth_token", "stays"]]);
    const client = world.open(profile);
    const before = await client.getMigrationStatistics();
    expect(before.localStorage).toMatchObject({ itemCount: 7, persisted: false });
    expect(before.database).toMatchObject({ records: 0 });
    expect(before.sync.state).toBe("never");

    await migrate(client);
    const after = await client.getMigrationStatistics();
    expect(after.database).toMatchObject({ records: 7, revision: 7 });
    expect(after.sync).toMatchObject({ state: "in_sync", revision: 7, since: 7, behind: 0 });
    expect(after.sync.receipt?.statement.stored.entries).toBe(7);
    expect(after).toMatchObject({ runs: 1, completed: 1, failed: 0, entries: 7 });
    expect(after.localStorage!.storageSize).toBe(before.localStorage!.storageSize);
  });

  it("see a change here, and what other devices wrote", async () => {
    const profile = newProfile(manyPairs(3));
    const client = world.open(profile);
    await migrate(client);
    world.server.behind = 2;
    expect((await client.getMigrationStatistics()).sync).toMatchObject({ state: "behind", behind: 2 });
    profile.area.setItem("item:0", "written here");
    expect((await client.getMigrationStatistics()).sync.state).toBe("changed");
    // A later visit knows it too.
    expect((await world.open(profile).getMigrationStatistics()).sync.state).toBe("changed");
  });

  it("keep their shape where nobody can be asked", async () => {
    const profile = newProfile(manyPairs(3));
    await migrate(world.open(profile));
    world.server.intercept = () => ({ status: 400, body: { code: "bad_request" } });
    const found = await world.open(profile).getMigrationStatistics();
    expect(found).toMatchObject({ localStorage: { itemCount: 3 }, database: null, sync: { state: "unknown" }, runs: 0 });
  });
});

describe("readiness", () => {
  it("is given with every check, the proof that a rollback works among them", async () => {
    const found = await world.open(newProfile(manyPairs(3))).validateMigrationReadiness();
    expect(found).toMatchObject({ ready: true, issues: [] });
    expect(found.checks).toContainEqual(world.server.checks[0]);
    expect(found.checks.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["indexed_db", "locks", "compression", "web_socket", "persisted", "server"]),
    );
    expect(found.warnings.map(({ code }) => code)).toContain("persisted");
  });

  it("is refused where the server finds an issue, and not for a warning", async () => {
    const failed = (code: string, severity: string) => ({ code, severity, passed: false, detail: code });
    const client = world.open(newProfile(manyPairs(3)));
    world.server.checks = [failed("workers", "warning")];
    expect(await client.validateMigrationReadiness()).toMatchObject({ ready: true });
    world.server.checks = [failed("rollback_works", "issue")];
    const found = await client.validateMigrationReadiness();
    expect(found.ready).toBe(false);
    expect(found.issues).toEqual(world.server.checks);
  });

  it("is refused for what blocks the plan, and where the server cannot be asked", async () => {
    expect((await world.open(newProfile()).validateMigrationReadiness()).issues.map(({ code }) => code)).toEqual(["empty"]);
    world.server.intercept = () => ({ status: 400, body: { code: "bad_request" } });
    const found = await world.open(newProfile(manyPairs(3))).validateMigrationReadiness();
    expect(found.ready).toBe(false);
    expect(found.issues.map(({ code }) => code)).toContain("server");
  });
});

describe("the report", () => {
  it("is of the last run, as data or as a page", async () => {
    const client = world.open(newProfile(manyPairs(3)));
    const { migrationId } = await migrate(client);
    expect(await client.generateMigrationReport()).toMatchObject({ ok: true, report: { moved: { verified: true } } });
    const page = await client.generateMigrationReport(undefined, { format: "html" });
    expect(page).toEqual({ ok: true, html: `<!doctype html><p>é ${migrationId}` });
  });

  it("is of the run that is named, and refused where there is none", async () => {
    const client = world.open(newProfile(manyPairs(3)));
    expect(await client.generateMigrationReport()).toMatchObject({ ok: false, code: "not_found" });
    const dry = await migrate(client, { dryRun: true });
    expect(await client.generateMigrationReport(dry.migrationId!)).toMatchObject({ report: { run: { dry_run: true } } });
    expect(await client.generateMigrationReport("elsewhere", { format: "html" })).toMatchObject({ code: "not_found" });
  });
});

describe("health", () => {
  it("tells whoever is known of the parts, and everybody whether it works", async () => {
    const client = world.open(newProfile(manyPairs(3)));
    expect(await client.checkSystemHealth()).toMatchObject({ healthy: true, server: { status: "ok" } });
    expect(world.server.asked("GET", "/health").at(-1)!.headers.authorization).toMatch(/^Bearer guest-/);
    world.server.intercept = ({ path, headers }) =>
      path !== "/health" || headers.authorization ? { status: 401, body: { code: "unauthenticated" } } : undefined;
    expect(await world.open(newProfile()).checkSystemHealth()).toMatchObject({ healthy: true });
  });
});
