import { LAST, lastRunId, ROLLBACK, type Host, type LastRun } from "./host.js";
import { problem } from "./problem.js";
import type { Rollback, RollbackPreview } from "./types.js";

/** The way back. All of it happens on the server: no local byte is touched. */

const LOOK_MS = 500;
const MOST_LOOK_MS = 5000;

const pathOf = async (host: Host, pointId?: string, runId?: string): Promise<string> =>
  pointId ? `/rollback-points/${pointId}/rollback` : `/runs/${runId ?? (await lastRunId(host))}/rollback`;

export const preview = async (host: Host, pointId?: string, runId?: string): Promise<RollbackPreview> =>
  (await host._net._send("GET", await pathOf(host, pointId, runId)))._body;

/** Asks for a rollback, or the undoing of one, and waits until it is done. */
const perform = async (host: Host, path: string): Promise<Rollback> => {
  const { _net, _sleep, _store } = host;
  let rollback: Rollback = (await _net._send("POST", path, { _json: { idempotency_key: crypto.randomUUID() } }))._body;
  await _store._update(ROLLBACK, () => rollback.id);
  // What was moved is no longer there: the next question whether a migration is needed must not say no.
  await _store._update<LastRun | undefined>(LAST, (last) => last && { ...last, mark: undefined });
  for (let wait = LOOK_MS; rollback.state === "requested"; wait = Math.min(MOST_LOOK_MS, wait * 1.5)) {
    await _sleep(wait);
    rollback = (await _net._send("GET", "/rollbacks/" + rollback.id))._body;
  }
  if (rollback.state === "failed") throw problem("rollback_failed");
  return rollback;
};

export const rollBack = async (host: Host, pointId?: string): Promise<Rollback> =>
  perform(host, await pathOf(host, pointId));

export const undo = async (host: Host, rollbackId?: string): Promise<Rollback> => {
  const id = rollbackId ?? (await host._store._get<string>(ROLLBACK));
  if (!id) throw problem("not_found");
  return perform(host, `/rollbacks/${id}/undo`);
};
