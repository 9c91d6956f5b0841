import { expect, vi } from "vitest";
import type { MigrationClient, MigrationClientOptions } from "../../src/types.js";
import { useServer, type Profile } from "./client.js";
import type { Op, OwnerRecords } from "./records.js";

/** Pages with dual write, and what they have sent. */
export const useWriters = () => {
  const world = useServer();
  const names = new WeakMap<Profile, string>();
  let profiles = 0;

  /** A tab; profiles of one process are kept apart, or they would hear each other. */
  const open = (profile: Profile, options: Partial<MigrationClientOptions> = {}): MigrationClient => {
    if (!names.has(profile)) names.set(profile, `profile-${++profiles}`);
    return world.open(profile, { namespace: names.get(profile), syncInterval: 30, retryDelay: 30, readyTimeout: 15_000, readTimeout: 15_000, ...options });
  };
  const installed = async (profile: Profile, options?: Partial<MigrationClientOptions>): Promise<MigrationClient> => {
    const client = open(profile, options);
    expect(await client.install()).toEqual({ ok: true });
    return client;
  };
  const settled = async (profile: Profile, options?: Partial<MigrationClientOptions>): Promise<MigrationClient> => {
    const client = await installed(profile, options);
    expect(await client.ready).toEqual({ ok: true });
    expect(await client.whenSynced()).toEqual({ ok: true });
    return client;
  };
  const requests = () => world.server.asked("POST", "/records").filter(({ path }) => path === "/records");
  return {
    world,
    open,
    installed,
    settled,
    records: (owner?: string): OwnerRecords => world.server.recordsOf(owner),
    storeName: (profile: Profile) => `syncserver:pk_test:${names.get(profile)}`,
    requests,
    ops: (): Op[] => requests().flatMap(({ json }) => json.ops),
    /** Writes do not get through while this stands. */
    block: (status = 503) =>
      void (world.server.intercept = ({ method, path }) =>
        method === "POST" && path === "/records" ? { status, body: {} } : undefined),
    unblock: () => void (world.server.intercept = () => undefined),
  };
};

export const soon = (look: () => void): Promise<void> => vi.waitFor(look, { timeout: 8000, interval: 10 });
