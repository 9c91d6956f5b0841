/**
 * The services by their older names, all of them over one client: what a page imports that was written for seven
 * objects instead of one. `configure` comes first; until then every call is refused with `not_configured`.
 */
import { createMigrationClient } from "./index.js";
import type { MigrationClient, MigrationClientOptions } from "./types.js";

let client: MigrationClient | undefined;

// A client that asks nobody: its calls answer in their own shapes.
const unconfigured: MigrationClientOptions = {
  url: "",
  appKey: "",
  indexedDB: null,
  rescanInterval: 0,
  fetch: async () => new Response('{"code":"not_configured"}', { status: 400 }),
};

/** Makes the one client behind all facades; a former one is closed. */
export const configure = (options: MigrationClientOptions): MigrationClient => {
  client?.destroy();
  return (client = createMigrationClient(options));
};

const facade = <Names extends keyof MigrationClient>(...names: Names[]): Pick<MigrationClient, Names> => {
  const made = {} as Pick<MigrationClient, Names>;
  for (const name of names) {
    const get = () => (client ??= createMigrationClient(unconfigured))[name];
    Object.defineProperty(made, name, { get, enumerable: true });
  }
  return made;
};

export const migrationOrchestrator = facade(
  "initialize",
  "checkIfMigrationNeeded",
  "createMigrationPlan",
  "startMigration",
  "checkMigrationStatus",
  "getMigrationStatus",
  "getMigrationStatistics",
  "generateMigrationReport",
  "on",
  "off",
  "destroy",
);

export const progressTracker = facade("checkMigrationStatus", "getMigrationStatus", "exportProgressData", "on", "off");

export const autoDetector = facade(
  "checkIfMigrationNeeded",
  "createMigrationPlan",
  "on",
  "off",
);

export const rollbackService = facade("canRollback", "listRollbackPoints", "previewRollback", "rollbackMigration", "undoRollback");

export const backupService = facade(
  "createBackup",
  "listBackups",
  "downloadBackup",
  "restoreBackup",
);

export const validationService = facade(
  "validateMigration",
  "validateMigrationReadiness",
);

export const zeroDowntimeCoordinator = facade(
  "storage",
  "install",
  "uninstall",
  "pending",
  "whenSynced",
  "ready",
  "get",
  "getAll",
  "checkSystemHealth",
  "on",
  "off",
);
