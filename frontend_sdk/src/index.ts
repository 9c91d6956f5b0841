/** The door of the package: one factory and the types around it. Importing it does nothing. */
export { createMigrationClient } from "./client.js";
export type * from "./types.js";
