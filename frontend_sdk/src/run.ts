import { createCargo, type Cargo } from "./cargo.js";
import { cut, inlineChunk, MOST_TARGET, pack } from "./chunks.js";
import { follow, type Following } from "./follow.js";
import { RUN, type Host, type KnownRun, type Purpose } from "./host.js";
import { problem, problemOf } from "./problem.js";
import { question, reconcile } from "./reconcile.js";
import { settle } from "./settle.js";
import type { Entry } from "./table.js";
import type { Patience } from "./transport.js";
import type { RunSnapshot, StartOptions } from "./types.js";
import { createUploader, type Uploader } from "./upload.js";

/** What a run was asked to be. */
export interface Order {
  _start: StartOptions;
  _purpose: Purpose;
  _patience: Patience;
  /** Resolves at once, or when the user ends the pause. */
  _hold(): Promise<void>;
}

/** The road of one run, from the first look at the storage to the receipt. */
export interface Journey {
  _cargo(): Cargo | undefined;
  _target(): number;
  /** Resolves with the run's last snapshot; throws a problem otherwise. */
  _go(): Promise<RunSnapshot>;
  /** Closes the socket. */
  _stop(): void;
}

const WRITE_ROUNDS = 5;
const REPAIR_ROUNDS = 3;
// A run of an older epoch takes no more chunks, and one that lost entries no smaller manifest: begin another.
const GONE = /^(run_expired|not_found|manifest_shrinks|stale_epoch)$/;
const BEGINNINGS = 3;
const DEAD = /^(expired|cancelled|rolled_back|rolling_back)$/;

export const createJourney = (host: Host, order: Order): Journey => {
  const { _net, _store, _progress, _config } = host;
  const { _start: start, _patience: patience, _purpose: purpose } = order;
  // Only a real migration is worth resuming at the next visit.
  const lasting = purpose === "migrate" && !start.dryRun;
  let cargo: Cargo | undefined;
  let uploader: Uploader;
  let following: Following | undefined;
  let version = 1;

  const ask = async (method: string, path: string, _json?: unknown): Promise<any> => {
    const answer = await _net._send(method, path, { _json, _run: patience });
    if (cargo) uploader._heed(answer);
    return answer._body;
  };

  const load = async (known?: KnownRun): Promise<Cargo> => {
    cargo = await createCargo(host, known?.list, cargo);
    uploader = createUploader(host, cargo, start, patience, order._hold);
    return cargo;
  };

  const remember = async (id?: string): Promise<void> => {
    if (lasting) await _store._update<KnownRun | undefined>(RUN, () => (id ? { id, list: cargo!._list } : undefined));
  };

  /** Chunks for the body that creates the run, if they all fit in. */
  const inline = async (entries: Entry[]) => {
    const queue = [...entries];
    const chunks = [];
    while (queue.length) {
      const chunk = await pack(cut(queue, MOST_TARGET, uploader._batch())[0]);
      chunks.push(inlineChunk(chunk, await uploader._seq()));
    }
    return { chunks, seal: true };
  };

  const options = () => ({
    conflictResolution: start.conflictResolution ?? "AUTO_MERGE",
    backupBeforeMigration: start.backupBeforeMigration ?? true,
    validateAfterMigration: start.validateAfterMigration ?? true,
    continueOnError: start.continueOnError ?? true,
    batchSize: uploader._batch(),
    retryAttempts: start.retryAttempts ?? 8,
    onValidationFailure: start.onValidationFailure ?? "repair",
  });

  /** Creates a run on the server and yields the lines still to be sent. */
  const begin = async (): Promise<Entry[]> => {
    const { _table, _scan, _manifest } = await load();
    const limit = _config().limits.create_bytes / 3;
    let small = true;
    await _scan();
    for (;;) {
      if (!_table.size) throw problem("empty");
      const manifest = await _manifest((version = 1));
      const entries = [..._table.values()];
      small &&= manifest.bytes < limit;
      const body = small ? await inline(entries) : {};
      // The page may have written while we packed.
      if (small && (await _scan()).length) continue;
      const id = crypto.randomUUID();
      // Before the request: an answer that never comes must not leave a run nobody knows.
      await remember(id);
      try {
        const dry_run = !!start.dryRun;
        _progress._apply(await ask("POST", "/runs", { id, purpose, dry_run, options: options(), manifest, ...body }));
        return small ? [] : entries;
      } catch (thrown) {
        const { code, _body } = problemOf(thrown);
        if (code === "sensitive_item" && _body.items?.length) uploader._withhold(_body.items);
        else if (code === "too_large" && small) small = false;
        else throw thrown;
      }
    }
  };

  /** The lines the server's side of the run lacks, judged by digests. */
  const missing = async (id: string): Promise<Entry[]> => {
    await cargo!._scan();
    const { collections } = await cargo!._manifest(version);
    const { differing } = await ask("POST", `/runs/${id}/missing`, question(collections));
    return reconcile(cargo!, differing);
  };

  /** Goes on with the run of an earlier visit; undefined if there is none to go on with. */
  const revive = async (): Promise<Entry[] | undefined> => {
    const known = lasting && (await _store._get<KnownRun>(RUN));
    if (!known) return;
    let run: RunSnapshot = await ask("GET", "/runs/" + known.id);
    if (DEAD.test(run.state)) return;
    if (run.state === "failed" || run.paused) run = await ask("POST", `/runs/${known.id}/resume`);
    await load(known);
    version = run.manifest_version;
    const lines = run.sealed || run.state === "completed" ? [] : await missing(known.id);
    _progress._apply(run);
    return lines;
  };

  /** Sends lines until a look at the storage finds no more, then seals. */
  const transfer = async (id: string, lines: Entry[]): Promise<void> => {
    let pending = lines;
    for (let round = 0; pending.length && round < WRITE_ROUNDS; round++) {
      await uploader._send(id, pending);
      pending = await cargo!._scan();
    }
    await uploader._send(id, pending);
    await order._hold();
    _progress._apply(await ask("POST", `/runs/${id}/seal`, { manifest: await cargo!._manifest(++version) }));
  };

  const travel = async (first: Entry[]): Promise<RunSnapshot> => {
    let lines = first;
    for (let round = 0; ; round++) {
      const { id, sealed, state } = _progress._run()!;
      try {
        if (!sealed && state !== "completed") await transfer(id, lines);
      } catch (thrown) {
        // A seal whose answer was lost, or somebody else moved the run: look where it stands.
        if (problemOf(thrown).code !== "wrong_state") throw thrown;
        _progress._apply(await ask("GET", "/runs/" + id));
      }
      const run = await settle(host, patience, following);
      if (run.state !== "transferring" || round >= REPAIR_ROUNDS) return run;
      lines = await missing(id);
    }
  };

  return {
    _cargo: () => cargo,
    _target: () => uploader?._target() ?? 0,
    _stop: () => following?._stop(),
    async _go() {
      for (let beginning = 0; ; beginning++) {
        try {
          const lines = (beginning ? undefined : await revive()) ?? (await begin());
          const { id } = _progress._run()!;
          host._events._emit("migrationStarted", _progress._view());
          // Live news only where somebody looks or it takes long: a small run is over before a socket is open.
          if (lines.length || host._events._heard("progressUpdate")) following = follow(host, id);
          const run = await travel(lines);
          if (run.state !== "failed") await remember();
          return run;
        } catch (thrown) {
          if (beginning >= BEGINNINGS || !GONE.test(problemOf(thrown).code)) throw thrown;
          following?._stop();
        }
      }
    },
  };
};
