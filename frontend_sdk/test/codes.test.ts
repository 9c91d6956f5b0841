import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { manyPairs, migrate, newProfile, useServer } from "./support/client.js";
import type { Interception } from "./support/server.js";
import { AreaStorage } from "./support/storage.js";

/** Every code the SDK says of its own, each met in a situation a page can be in. */

const world = useServer();
const FEW = manyPairs(10);
const MANY = manyPairs(600, 2000);

const open = (pairs = FEW) => world.open(newProfile(pairs));
const answer = (part: string, interception: Interception) =>
  (world.server.intercept = ({ path }) => (path.includes(part) ? interception : undefined));
const codeOf = (found: object) => (found as { code?: string }).code;

/** The run is over for the server although this page still waits for its receipt. */
const endedAs = async (state: string) => {
  world.server.verifies = false;
  world.server.intercept = ({ path }) => {
    if (path.includes("/receipt")) for (const run of world.server.runs.values()) run.state = state;
    return undefined;
  };
  return codeOf(await migrate(open()));
};

const tokenOf = (sub: string) => `a.${Buffer.from(JSON.stringify({ sub })).toString("base64url")}.b`;

const situations: Record<string, () => Promise<string | undefined>> = {
  unsupported: async () => {
    vi.stubGlobal("isSecureContext", false);
    return codeOf(await migrate(open()));
  },
  not_configured: async () => {
    vi.resetModules();
    vi.stubGlobal("window", { localStorage: newProfile(FEW).area });
    return codeOf(await (await import("../src/compat.js")).backupService.createBackup());
  },
  engine_unavailable: async () => {
    vi.resetModules();
    vi.doMock("../src/engine.js", () => Promise.reject(new Error("the file is gone")));
    const { createMigrationClient } = await import("../src/index.js");
    const { area: storage } = newProfile(FEW);
    const client = createMigrationClient({ url: world.server.url, appKey: "pk", storage, indexedDB: null, rescanInterval: 0 });
    const code = codeOf(await migrate(client));
    client.destroy();
    vi.doUnmock("../src/engine.js");
    vi.resetModules();
    return code;
  },
  network: async () => {
    world.server.intercept = () => "cut";
    return codeOf(await open().initialize());
  },
  unavailable: async () => {
    answer("/", { status: 503 });
    return codeOf(await open().initialize());
  },
  http_status: async () => {
    answer("/backups", { status: 418 });
    // Where the answer has no code, its status is one.
    return codeOf(await open().listBackups())?.replace(/^http_418$/, "http_status");
  },
  unauthenticated: async () => {
    world.server.validToken = () => undefined;
    const client = world.open(newProfile(FEW), { token: () => "old" });
    return codeOf(await client.listBackups());
  },
  internal: async () => {
    const { area, indexedDB } = newProfile(FEW);
    vi.spyOn(area, "getItem").mockImplementation(() => {
      throw new TypeError("not ours");
    });
    return codeOf(await migrate(world.open({ area, indexedDB })));
  },
  empty: async () => codeOf(await migrate(open([]))),
  busy: async () => {
    const client = open(MANY);
    const run = await client.startMigration();
    const code = codeOf(await client.createBackup());
    await run.done;
    return code;
  },
  cancelled: async () => {
    const run = await open(MANY).startMigration();
    await run.cancel();
    return codeOf(await run.done);
  },
  claimed_by_other: async () => {
    const profile = newProfile(FEW);
    world.server.validToken = (token) => token;
    await migrate(world.open(profile, { token: () => tokenOf("ann") }));
    return codeOf(await migrate(world.open(profile, { token: () => tokenOf("bob") })));
  },
  not_found: async () => codeOf(await open().undoRollback()),
  timeout: async () => {
    world.server.stage = "server_primary";
    const client = world.open(newProfile(FEW), { namespace: "timeout", readTimeout: 50 });
    await client.ready;
    world.server.intercept = async ({ path }) => {
      if (path === "/records/read") await new Promise((resolve) => setTimeout(resolve, 200));
      return undefined;
    };
    const read = await client.get("item:0");
    return read.ok ? read.reason : read.code;
  },
  dual_write_off: async () => codeOf(await world.open(newProfile(FEW), { enableDualWrite: false }).install()),
  not_ready: async () => {
    world.server.intercept = () => ({ status: 503 });
    return codeOf(await world.open(newProfile(FEW), { readyTimeout: 10 }).ready);
  },
  not_installed: async () => {
    const client = open();
    await client.install();
    const waiting = client.whenSynced();
    client.uninstall();
    return codeOf(await waiting);
  },
  offline: async () => {
    vi.stubGlobal("navigator", { onLine: false });
    const client = open();
    await client.install();
    await vi.waitFor(() => expect(client.pending.paused).toBe("offline"), { timeout: 10_000 });
    return client.pending.paused!;
  },
  too_large: async () => {
    world.server.limits = { ...world.server.limits, single_entry_bytes: 7_000 };
    return (await migrate(open([...FEW, ["huge", "x".repeat(10_000)]]))).refused[0]?.code;
  },
  entry_refused: async () => {
    world.server.limits = { ...world.server.limits, single_entry_bytes: 7_000 };
    return codeOf(await migrate(open([...MANY, ["huge", "x".repeat(10_000)]]), { continueOnError: false }));
  },
  run_expired: async () => {
    // What the server holds of the run is mostly not here any more, and stays so however often a run is begun anew.
    const gone = Array.from({ length: 500 }, (_, i) => [JSON.stringify("gone:" + i), "A".repeat(43)]);
    world.server.lose = () => true;
    answer("/missing", { status: 200, body: { differing: { default: { "00": gone } } } });
    return codeOf(await migrate(open()));
  },
  rollback_failed: async () => {
    const client = open();
    await migrate(client);
    answer("/rollback", { status: 202, body: { id: "r", state: "failed" } });
    return codeOf(await client.rollbackMigration());
  },
  backup_unreadable: async () => {
    const client = open();
    await client.createBackup();
    answer("/download", { status: 200, body: Buffer.from('["a","1"]\n'), headers: { "Migration-Digest": "of others" } });
    return codeOf(await client.restoreBackup([...world.server.runs.keys()][0]!));
  },
  quota_exceeded: async () => {
    const profile = newProfile(manyPairs(50, 100));
    await world.open(profile).createBackup();
    const small = { ...profile, area: new AreaStorage([["mine", "x"]], 600) };
    return codeOf(await world.open(small).restoreBackup([...world.server.runs.keys()][0]!));
  },
  expired: () => endedAs("expired"),
  rolled_back: () => endedAs("rolled_back"),
  rolling_back: () => endedAs("rolling_back"),
};

/** The codes as the sources spell them. */
const said = (): Set<string> => {
  const folder = new URL("../src/", import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const script = files.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const found = [
    ...script.matchAll(/\b(?:problem|refuse|block|_error)\((?:[\w.]+, )?"([a-z_]+)"/g),
    ...script.matchAll(/\bcode"?: ?"([a-z_]+)"/g),
  ].map(([, code]) => code!);
  const ended = /const ENDED = \/\^\(([a-z_|]+)\)\$/.exec(script)![1]!.split("|");
  // One that completed has no code, and one that failed the code of its error.
  return new Set([...found, ...ended.filter((state) => state !== "completed" && state !== "failed"), "http_status"]);
};

describe("each code of the SDK", () => {
  beforeEach(() => void vi.spyOn(Math, "random").mockReturnValue(0));
  afterEach(() => void vi.restoreAllMocks());

  it("has a situation below", () => {
    expect(Object.keys(situations).sort()).toEqual([...said()].sort());
  });

  it.each(Object.keys(situations))("is met: %s", async (code) => {
    expect(await situations[code]!()).toBe(code);
  });
});

describe("an ended run's code", () => {
  it("is that of its error where it has one", async () => {
    const client = open();
    const error = { code: "verification_failed", detail: "2 buckets do not agree.", at: "2026-01-01T00:00:00Z" };
    world.server.intercept = ({ path }) => {
      const [run] = [...world.server.runs.values()];
      if (!run || !path.includes("/receipt")) return undefined;
      return { status: 202, body: { ...world.server.snapshot(run), state: "failed", sealed: false, errors: [error] } };
    };
    expect(await migrate(client)).toMatchObject({ ok: false, code: error.code, state: "failed" });
  });
});
