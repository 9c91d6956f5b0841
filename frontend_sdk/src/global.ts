/** What the script tag leaves behind: `syncserver.createMigrationClient`. */
import { createMigrationClient } from "./index.js";

(globalThis as { syncserver?: object }).syncserver = { createMigrationClient };
