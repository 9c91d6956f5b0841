import { storageHealth } from "./environment.js";
import { LAST, type Core, type Host, type LastRun } from "./host.js";
import type { Mark } from "./mark.js";
import { survey } from "./survey.js";
import type { DatabaseStatistics, LocalStatistics, MigrationStatistics, RunSnapshot, SyncStatus } from "./types.js";

/** Numbers of all sides: this browser's storage, what the server holds, and how the two stand to each other. */

interface Served {
  database: DatabaseStatistics;
  sync: { revision: number; since: number; behind: number };
}

const lookHere = async (
  supported: Core["_supported"],
  judge: Core["_judge"],
): Promise<[LocalStatistics | null, Mark | undefined]> => {
  try {
    const { itemCount, storageSize, _mark } = await survey(supported(), judge());
    return [{ itemCount, storageSize, ...(await storageHealth()) }, _mark];
  } catch {
    // No storage, or it cannot be read.
    return [null, undefined];
  }
};

/** Decides how the sides stand; `last` is this browser's last migration, `mark` that of its storage now. */
const standing = (last: LastRun | undefined, mark: Mark | undefined, served?: Served): SyncStatus["state"] => {
  if (!last) return "never";
  if (!mark || !served) return "unknown";
  if (`${last.mark}` !== `${mark}`) return "changed";
  return served.sync.behind ? "behind" : "in_sync";
};

export const statistics = async ({ _supported, _judge, _attempt, _open }: Core): Promise<MigrationStatistics> => {
  const host: Host | undefined = await _open().catch(() => undefined);
  const last = await host?._store._get<LastRun>(LAST);
  const since = last?.receipt?.statement.revision ?? 0;
  const ask = <T extends object>(path: string) =>
    _attempt<T>(async ({ _net }) => (await _net._send("GET", path))._body);
  const [[localStorage, mark], served, listed] = await Promise.all([
    lookHere(_supported, _judge),
    ask<Served>("/statistics?since=" + since),
    ask<{ runs: RunSnapshot[] }>("/runs"),
  ]);
  const found = served.ok ? served : undefined;
  const runs = listed.ok ? listed.runs : [];
  const sum = (pick: (run: RunSnapshot) => number) => runs.reduce((total, run) => total + pick(run), 0);
  const counts = host?._net._counts;
  return {
    localStorage,
    database: found?.database ?? null,
    sync: { state: standing(last, mark, found), receipt: last?.receipt ?? null, ...found?.sync },
    runs: runs.length,
    completed: sum(({ state }) => +(state === "completed")),
    failed: sum(({ state }) => +(state === "failed")),
    entries: sum(({ entries }) => entries.processed),
    bytes: sum(({ bytes }) => bytes.processed),
    requests: counts?._requests ?? 0,
    retries: counts?._retries ?? 0,
    bytesSent: counts?._sent ?? 0,
    errors: host?._progress._view().errors.length ?? 0,
  };
};
