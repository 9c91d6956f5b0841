/** What the script tag leaves behind: `syncserver.createMigrationClient`. */
import { createMigrationClient } from "./dual.js";

(globalThis as { syncserver?: object }).syncserver = { createMigrationClient };
