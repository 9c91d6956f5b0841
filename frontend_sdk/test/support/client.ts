import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach } from "vitest";
import { createMigrationClient } from "../../src/index.js";
import type { MigrationClient, MigrationClientOptions, MigrationResult, StartOptions } from "../../src/types.js";
import { ModelServer } from "./server.js";
import { AreaStorage } from "./storage.js";

/** A browser profile: what outlives a page. */
export interface Profile {
  area: AreaStorage;
  indexedDB: IDBFactory;
}

export const newProfile = (items: Iterable<[string, string]> = []): Profile => ({
  area: new AreaStorage(items),
  indexedDB: new IDBFactory(),
});

/** A server for each test of a file, and pages that are closed after it. */
export const useServer = () => {
  const world = { server: undefined as unknown as ModelServer, open: undefined as unknown as typeof openPage };
  let pages: MigrationClient[] = [];
  const openPage = (profile: Profile, options: Partial<MigrationClientOptions> = {}): MigrationClient => {
    const client = createMigrationClient({
      url: world.server.url,
      appKey: "pk_test",
      storage: profile.area,
      indexedDB: profile.indexedDB,
      rescanInterval: 0,
      ...options,
    });
    pages.push(client);
    return client;
  };
  world.open = openPage;
  beforeEach(async () => {
    world.server = await new ModelServer().start();
  });
  afterEach(async () => {
    pages.forEach((page) => page.destroy());
    pages = [];
    await world.server.stop();
  });
  return world;
};

export const migrate = async (client: MigrationClient, options?: StartOptions): Promise<MigrationResult> =>
  (await client.startMigration(options)).done;

export const manyPairs = (count: number, size = 20): [string, string][] =>
  Array.from({ length: count }, (_, i) => ["item:" + i, JSON.stringify({ i, text: String(i % 10).repeat(size) })]);

export const sorted = (pairs: Iterable<[string, string]>): [string, string][] =>
  [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));
