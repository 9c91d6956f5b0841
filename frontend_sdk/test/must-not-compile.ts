/** Each line marked here must be refused by the compiler; `npm run types` fails where one is not. */
import { createMigrationClient } from "../src/index.js";
import type { MigrationClient } from "../src/types.js";

declare const client: MigrationClient;

// @ts-expect-error the publishable key is needed
createMigrationClient({ url: "/" });
// @ts-expect-error a token is asked for each time, not given once
createMigrationClient({ url: "/", appKey: "k", token: "abc" });
// @ts-expect-error no such event
client.on("migrationFinished", () => {});
// @ts-expect-error a completed run has no such member
client.on("migrationCompleted", ({ percentage }) => percentage);
// @ts-expect-error policies have their names
void client.startMigration({ conflictResolution: "NEWEST_WINS" });
// @ts-expect-error no such option
void client.startMigration({ clearLocalStorage: true });

export const outcome = async (): Promise<void> => {
  const backups = await client.listBackups();
  // @ts-expect-error first look whether it was refused
  void backups.backups;
  if (backups.ok) void backups.backups.length;
  else void backups.code.length;
  // @ts-expect-error an answer to look at, not to change
  client.getMigrationStatus().receipt = undefined;
  // @ts-expect-error nothing private can be reached
  void client._start;
};
