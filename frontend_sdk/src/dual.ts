/** The door for pages that write on both sides: the core and dual write in one file, fetched in one go. */
import { createClient } from "./client.js";
import { createDualWrite } from "./sync.js";
import type { MigrationClient, MigrationClientOptions } from "./types.js";

/** Makes a client. Nothing is read, sent or kept before one of its calls. */
export const createMigrationClient = (options: MigrationClientOptions): MigrationClient =>
  createClient(options, async () => ({ createDualWrite }));

export type * from "./types.js";
