import type { Following } from "./follow.js";
import type { Host } from "./host.js";
import { now } from "./pace.js";
import { problem } from "./problem.js";
import type { Patience } from "./transport.js";
import type { RunSnapshot } from "./types.js";

const SOCKET_SILENCE_MS = 15_000;

/** True while there is something to wait for after the seal. */
const isPending = ({ state, sealed }: RunSnapshot): boolean =>
  state === "verifying" || (sealed && (state === "transferring" || state === "planned"));

/** The last snapshot of a run whose receipt came without one. */
const completed = (run: RunSnapshot, receipt: NonNullable<RunSnapshot["receipt"]>): RunSnapshot => {
  const { stored, conflict, quarantined } = receipt.statement;
  const entries = {
    ...run.entries,
    processed: run.entries.total,
    stored: stored.entries,
    conflict: conflict.entries,
    quarantined: quarantined.entries,
  };
  const phases = { upload: 1, validation: 1, backup: 1, load: 1, verification: 1 };
  const bytes = { ...run.bytes, processed: run.bytes.total };
  return { ...run, state: "completed", percentage: 100, eta_seconds: 0, entries, bytes, phases, receipt };
};

/**
 * Waits until the server has verified a sealed run or asks for more. Where a socket speaks it brings the
 * news; otherwise the question for the receipt is held open by the server.
 */
export const settle = async (host: Host, patience: Patience, following?: Following): Promise<RunSnapshot> => {
  const { _net, _progress, _sleep } = host;
  let asked = false;
  let silent = false;
  for (;;) {
    const run = _progress._run()!;
    // News by socket may say "completed" before the receipt is in it.
    const lacksReceipt: boolean = run.state === "completed" && !run.receipt && !run.dry_run && !asked;
    if (!isPending(run) && !lacksReceipt) return run;
    const state = following?._state();
    if (!silent && !lacksReceipt && (state === "live" || state === "opening")) {
      const until = now() + SOCKET_SILENCE_MS;
      await _sleep(SOCKET_SILENCE_MS);
      silent = now() >= until;
      if (patience._stopped) throw problem("cancelled");
      continue;
    }
    const { _status, _body } = await _net._send("GET", `/runs/${run.id}/receipt?wait=10`, { _run: patience });
    _progress._apply(_status === 200 ? completed(run, _body) : _body);
    asked = lacksReceipt;
    silent = false;
    // A server that does not hold the question open is not asked in a tight loop.
    if (_status !== 200) await _sleep(200);
  }
};
