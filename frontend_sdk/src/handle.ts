import type { Host, LastRun } from "./host.js";
import { FENCE, LAST, RUN, type InternalHandle, type KnownRun } from "./host.js";
import type { Cargo } from "./cargo.js";
import { addMark, type Mark } from "./mark.js";
import { isLive } from "./table.js";
import { contain } from "./events.js";
import { now } from "./pace.js";
import { lead } from "./leader.js";
import { problem, problemOf } from "./problem.js";
import { claimForRun } from "./sync/adopting.js";
import { createJourney, type Order } from "./run.js";
import type { Patience } from "./transport.js";
import type { Metrics, MigrationResult, RunSnapshot, StartOptions } from "./types.js";

/** The handle of a run: who leads, what the user wishes, how it ended. */

const LOOK_MS = 2000;
const MOST_LOOK_MS = 30_000;
const ENDED = /^(completed|failed|expired|cancelled|rolled_back|rolling_back)$/;

/** Numbers of the run so far, at most one reading per `metricsInterval`. */
const createMeter = (host: Host, target: () => number) => {
  const { _net, _progress } = host;
  let [sent, at] = [_net._counts._sent, now()];
  return (): Metrics => {
    const { entriesPerSecond, etaSeconds, successRate } = _progress._view();
    const { _requests: requests, _retries: retries, _sent: bytesSent } = _net._counts;
    const bytesPerSecond = ((bytesSent - sent) * 1000) / Math.max(1, now() - at);
    [sent, at] = [bytesSent, now()];
    const breaker = _net._breaker();
    const rates = { entriesPerSecond, bytesPerSecond, etaSeconds, successRate };
    return { ...rates, requests, retries, bytesSent, chunkTarget: target(), breaker };
  };
};

export const startRun = (host: Host, start: StartOptions, _purpose: Order["_purpose"]): InternalHandle => {
  const { _net, _progress, _sleep, _store, _events, _name } = host;
  const lasting = _purpose === "migrate" && !start.dryRun;
  let paused = false;
  let wishesCancel = false;
  let claimed: string | undefined;
  const patience: Patience = {
    _stopped: false,
    _tries: start.retryAttempts ?? Infinity,
    _waiting: (reason) => _progress._pause(reason ?? (paused ? "user" : null)),
    async _claim(subject) {
      if (claimed === undefined) await claimForRun(host, subject, start.takeOver);
      claimed ??= subject;
      if (claimed !== subject) throw problem("claimed_by_other");
    },
  };
  const _hold = async (): Promise<void> => {
    while (paused && !patience._stopped) await _sleep(MOST_LOOK_MS);
    if (patience._stopped) throw problem("cancelled");
  };
  const journey = createJourney(host, { _start: start, _purpose, _patience: patience, _hold });

  const conclude = (run: RunSnapshot | null, thrown?: unknown): MigrationResult => {
    const cargo = journey._cargo();
    const ok = !thrown && run?.state === "completed";
    const failure = thrown ? problemOf(thrown) : problem(run?.errors.slice(-1)[0]?.code ?? run?.state ?? "");
    const state = wishesCancel ? "cancelled" : !thrown && run && ENDED.test(run.state) ? run.state : "failed";
    return {
      ok,
      migrationId: run?.id ?? null,
      state: ok ? "completed" : state,
      ...(!ok && { code: failure.code, detail: failure.detail }),
      receipt: run?.receipt ?? null,
      run,
      withheld: [...(cargo?._withheld.values() ?? [])],
      refused: [...(cargo?._refused ?? [])].map(([key, code]) => ({ key, code })),
    };
  };

  const look = async (id: string): Promise<RunSnapshot> => {
    _progress._apply((await _net._send("GET", "/runs/" + id))._body);
    return _progress._run()!;
  };

  /** What is looked at is nothing the server knows of. */
  let unknown = false;

  /** Looks on while another tab leads. `before` is the last run that ended earlier. */
  const watch = async (isOver: () => boolean, before?: string): Promise<MigrationResult | undefined> => {
    for (let wait = LOOK_MS; !isOver() && !patience._stopped; wait = Math.min(MOST_LOOK_MS, wait * 1.5)) {
      try {
        const ended = (await _store._get<LastRun>(LAST))?.id;
        const id = (await _store._get<KnownRun>(RUN))?.id ?? (ended === before ? undefined : ended);
        const run = id && (await look(id));
        if (run && ENDED.test(run.state)) return conclude(run);
      } catch (thrown) {
        // Only looking: the leading tab says what went wrong.
        unknown = problemOf(thrown).code === "not_found";
      }
      await _sleep(wait);
    }
    return;
  };

  const keep = async ({ id, receipt }: RunSnapshot, { _list: list, _table }: Cargo): Promise<void> => {
    const mark: Mark = [0, 0, 0];
    for (const entry of _table.values()) if (isLive(entry)) addMark(mark, entry._mark);
    await _store._update<LastRun>(LAST, () => ({ id, receipt, list, mark }));
  };

  const travel = async (): Promise<MigrationResult> => {
    try {
      patience._fence = await _store._update<number>(FENCE, (last = 0) => last + 1);
      await host._connect(patience);
      const run = await journey._go();
      if (lasting && run.state === "completed") await keep(run, journey._cargo()!);
      return conclude(run);
    } catch (thrown) {
      // Overtaken before the run was made there is nothing to look at, and nobody who would make it.
      const overtaken = problemOf(thrown).code === "fence_superseded" && (await watch(() => unknown));
      return overtaken || conclude(_progress._run(), thrown);
    }
  };

  /** Leads, or looks on until the leading tab has finished or is gone. */
  const go = async (): Promise<MigrationResult> => {
    _progress._begin(true);
    const abort = new AbortController();
    const led = await lead(_name, travel, lasting ? { ifAvailable: true } : { signal: abort.signal });
    if (led) return led;
    _progress._begin(false);
    const before = (await _store._get<LastRun>(LAST))?.id;
    let taken = false;
    const taking = lead(
      _name,
      async () => {
        taken = true;
        _sleep._wake();
        const ended = (await _store._get<LastRun>(LAST))?.id;
        if (ended !== before && !(await _store._get(RUN))) return (await watch(() => false, before))!;
        _progress._begin(true);
        return travel();
      },
      { signal: abort.signal },
    );
    const seen = await watch(() => taken, before);
    if (!seen && taken) return (await taking)!;
    taking.catch(() => {});
    abort.abort();
    return seen ?? conclude(_progress._run(), problem("cancelled"));
  };

  const wish = async (path: string): Promise<void> => {
    const id = _progress._run()?.id ?? (lasting && (await _store._get<KnownRun>(RUN))?.id);
    if (id) _progress._apply((await _net._send("POST", `/runs/${id}/${path}`))._body);
  };

  const unsubscribe = [
    start.onProgress && _events._on("progressUpdate", start.onProgress),
    start.onError && _events._on("errorAdded", start.onError),
  ];
  const _metrics = createMeter(host, journey._target);
  const timer = setInterval(() => _events._emit("metricsUpdate", _metrics()), host._options.metricsInterval ?? 1000);

  const finish = async (): Promise<MigrationResult> => {
    let result = await go().catch((thrown) => conclude(_progress._run(), thrown));
    if (wishesCancel && !result.ok) {
      // Asked only now: the request that creates the run may have been on its way.
      await wish("cancel").catch(() => {});
      if (lasting) await _store._update(RUN, () => undefined);
      result = conclude(_progress._run(), problem("cancelled"));
    }
    journey._stop();
    clearInterval(timer);
    _progress._pause(null);
    _progress._stage(result.state);
    unsubscribe.forEach((off) => off?.());
    if (!result.ok) _progress._error(result.code!, result.detail);
    _events._emit(result.ok ? "migrationCompleted" : "migrationFailed", result);
    if (start.onComplete) contain(() => start.onComplete!(result));
    return result;
  };

  const cancel = async (): Promise<void> => {
    wishesCancel = patience._stopped = true;
    _sleep._wake();
    await done;
  };
  const setPaused = async (value: boolean): Promise<void> => {
    paused = value;
    patience._waiting(null);
    _sleep._wake();
    await wish(value ? "pause" : "resume").catch(() => {});
  };
  const done = finish();
  start.signal?.addEventListener("abort", () => void cancel());
  if (start.signal?.aborted) void cancel();
  return {
    get migrationId() {
      return _progress._run()?.id ?? null;
    },
    cancel,
    pause: () => setPaused(true),
    resume: () => setPaused(false),
    done,
    _halt() {
      patience._stopped = true;
      _sleep._wake();
    },
  };
};
