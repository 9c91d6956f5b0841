/** The door of the package: one factory and the types around it. Importing it does nothing. */
import { createClient } from "./client.js";
import type { MigrationClient, MigrationClientOptions } from "./types.js";

/** Makes a client. Nothing is read, sent or kept before one of its calls; dual write is fetched when it is installed. */
export const createMigrationClient = (options: MigrationClientOptions): MigrationClient =>
  createClient(options, () => import("./sync.js"));

export type * from "./types.js";
