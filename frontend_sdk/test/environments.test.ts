import { describe, expect, it, vi } from "vitest";
import { createMigrationClient } from "../src/index.js";
import type { MigrationClient, MigrationClientOptions, UnsupportedReason } from "../src/types.js";
import { manyPairs, migrate, newProfile, useServer } from "./support/client.js";
import { AreaStorage } from "./support/storage.js";

const world = useServer();

/** Every call of the API; none may throw or reject, whatever the browser is like. */
const callAll = async (client: MigrationClient) => {
  const off = client.on("progressUpdate", () => {});
  const run = await client.startMigration();
  await Promise.all([run.pause(), run.resume(), run.cancel()]);
  await Promise.all([
    run.done,
    client.initialize(),
    client.checkIfMigrationNeeded(),
    client.createMigrationPlan(),
    client.checkMigrationStatus(),
    client.validateMigration(),
    client.validateMigrationReadiness(),
    client.canRollback(),
    client.listRollbackPoints(),
    client.previewRollback(),
    client.rollbackMigration(),
    client.undoRollback(),
    client.createBackup(),
    client.listBackups(),
    client.downloadBackup("x"),
    client.restoreBackup("x"),
    client.getMigrationStatistics(),
    client.generateMigrationReport(),
    client.checkSystemHealth(),
  ]);
  JSON.parse(client.exportProgressData());
  client.getMigrationStatus();
  off();
  client.destroy();
};

const unsupported = async (reason: UnsupportedReason, options: Partial<MigrationClientOptions> = {}) => {
  const client = createMigrationClient({ url: "http://127.0.0.1:1", appKey: "k", indexedDB: null, ...options });
  const told = vi.fn();
  client.on("unsupported", told);
  expect(await client.initialize()).toEqual({ ok: false, code: "unsupported", detail: reason });
  expect(told).toHaveBeenCalledExactlyOnceWith({ reason });
  expect(await client.checkIfMigrationNeeded()).toMatchObject({ needed: false, recommendation: "unsupported" });
  expect(await migrate(client)).toMatchObject({ ok: false, code: "unsupported", state: "failed" });
  expect(client.getMigrationStatus().supported).toBe(false);
  await callAll(client);
};

const blocked = {
  get localStorage(): Storage {
    throw new DOMException("blocked", "SecurityError");
  },
};

describe("a browser in which nothing can be done", () => {
  it("on a server: there is no window", () => unsupported("no_window"));

  it("with site data blocked", async () => {
    vi.stubGlobal("window", blocked);
    await unsupported("storage_blocked");
  });

  it("without localStorage", async () => {
    vi.stubGlobal("window", {});
    await unsupported("no_storage");
  });

  it("without a secure context", async () => {
    vi.stubGlobal("isSecureContext", false);
    await unsupported("insecure_context", { storage: new AreaStorage() });
  });

  it("without crypto.subtle", async () => {
    vi.stubGlobal("crypto", {});
    await unsupported("no_crypto", { storage: new AreaStorage() });
  });
});

describe("a browser that lacks something", () => {
  it("migrates in a private window without IndexedDB, and keeps nothing", async () => {
    const profile = newProfile(manyPairs(10));
    const client = world.open(profile, { indexedDB: null });
    expect((await migrate(client)).ok).toBe(true);
    expect((await client.checkSystemHealth()).indexedDB).toBe(false);
    expect(profile.area.length).toBe(10);
  });

  it("migrates where IndexedDB is blocked", async () => {
    const factory = { open: () => { throw new DOMException("no", "UnknownError"); } } as unknown as IDBFactory; // prettier-ignore
    expect((await migrate(world.open(newProfile(manyPairs(10)), { indexedDB: factory }))).ok).toBe(true);
  });

  it("migrates without locks, or where they are blocked", async () => {
    vi.stubGlobal("navigator", {});
    expect((await migrate(world.open(newProfile(manyPairs(10))))).ok).toBe(true);
    vi.stubGlobal("navigator", { locks: { request: async () => { throw new DOMException("no", "SecurityError"); } } }); // prettier-ignore
    expect((await migrate(world.open(newProfile(manyPairs(10))))).ok).toBe(true);
  });

  it("migrates without CompressionStream", async () => {
    vi.stubGlobal("CompressionStream", undefined);
    expect((await migrate(world.open(newProfile(manyPairs(600, 2000))))).ok).toBe(true);
    expect(world.server.asked("PUT", "/chunks/").every(({ headers }) => !headers["content-encoding"])).toBe(true);
    expect(world.server.held().length).toBe(600);
  });

  it("migrates without WebSocket", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const client = world.open(newProfile(manyPairs(600, 2000)));
    client.on("progressUpdate", () => {});
    expect((await migrate(client)).ok).toBe(true);
  });

  it("answers every call where it can", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    await callAll(world.open(newProfile(manyPairs(10))));
    vi.restoreAllMocks();
  });

  it("answers every call where the server is away", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    world.server.intercept = () => "cut";
    await callAll(world.open(newProfile(manyPairs(10))));
    vi.restoreAllMocks();
  });
});

describe("importing", () => {
  it("does nothing: no request, no listener, no storage", async () => {
    const added = vi.fn();
    vi.stubGlobal("addEventListener", added);
    vi.stubGlobal("fetch", added);
    vi.resetModules();
    const { createMigrationClient: create } = await import("../src/index.js");
    create({ url: "http://127.0.0.1:1", appKey: "k" });
    expect(added).not.toHaveBeenCalled();
  });
});
