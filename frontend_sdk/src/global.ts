/** What the script tag leaves behind: `syncserver.createMigrationClient`. */
import { createMigrationClient } from "./client.js";

(globalThis as { syncserver?: object }).syncserver = { createMigrationClient };
