import { readBackup, writeAll } from "./backups.js";
import { createCargo } from "./cargo.js";
import { storageHealth } from "./environment.js";
import { statistics } from "./figures.js";
import { startRun } from "./handle.js";
import { CLAIM, LAST, lastRunId, NO_PLAN, type Core, type Engine, type Host, type InternalHandle, type LastRun } from "./host.js";
import { checkNeed } from "./need.js";
import { makePlan } from "./plan.js";
import { problem, problemOf } from "./problem.js";
import { createProgress } from "./progress.js";
import { assess } from "./readiness.js";
import { compare, compareRecords } from "./reconcile.js";
import { preview, rollBack, undo } from "./rollback.js";
import { claim, isLeft } from "./sync/adopting.js";
import { obey } from "./sync/commands.js";
import { listConflicts, resolveConflict } from "./sync/conflicts.js";
import { relearn } from "./sync/relearn.js";
import { tell } from "./sync/tell.js";
import { recover } from "./sync/torn.js";
import { rowsOf } from "./sync/verdicts.js";
import { wirePrint, type Entry } from "./table.js";
import type { Transport } from "./transport.js";
import { watchArea } from "./watch.js";
import { createSecretJudge } from "./withholding.js";
import type { Blocker, Outcome, PlanAnswer, ReceiptValidation } from "./types.js";

const download = (net: Transport, id: string) =>
  net._send("GET", `/backups/${id}/download`, { _read: async (response) => new Uint8Array(await response.arrayBuffer()) });

/** Has the server hold a run to its receipt; null where there is none any more. */
const holdToReceipt = async (net: Transport, id: string): Promise<ReceiptValidation | null> => {
  try {
    return (await net._send("POST", `/runs/${id}/validate`))._body;
  } catch (thrown) {
    if (/^not_(found|migrated)$/.test(problemOf(thrown).code)) return null;
    throw thrown;
  }
};

/** Everything a page needs only once it has something to move, or asks about what was moved. */
export const createEngine = (given: Core): Engine => {
  const { _supported, _options, _config, _events, _judge } = given;
  const _progress = createProgress(_options, _events._emit);
  const know = (host: Host): Host => Object.assign(host, { _progress });
  const _open = async () => know(await given._open());
  const _attempt: Core["_attempt"] = (work) => given._attempt((host) => work(know(host)));
  const core = { ...given, _open, _attempt };

  /** A call that is one question to the server. */
  const get = <T extends object>(path: string): Promise<Outcome<T>> =>
    _attempt(async ({ _net }) => (await _net._send("GET", path))._body);

  const plan = async (): Promise<PlanAnswer> => {
    const blockers: Blocker[] = [];
    const block = (code: string, detail = code) => blockers.push({ code, detail });
    const online = await _attempt(async (host) => {
      const { _store, _net } = host;
      const before = await _store._get(CLAIM);
      if (before === undefined || before === _net._subject()) return {};
      if (before || (await isLeft(host))) block("claimed_by_other");
      return {};
    });
    if (!online.ok) block(online.code, online.detail);
    let made = NO_PLAN;
    try {
      made = await makePlan(_supported(), _options, _config(), _judge(), (await storageHealth()).persisted);
      if (!made.itemCount) block("empty");
    } catch (thrown) {
      const { code, detail } = problemOf(thrown);
      if (!blockers.length) block(code, detail);
    }
    return { plan: made, canProceed: !blockers.length, blockers };
  };

  let active: InternalHandle | undefined;
  let stop: (() => void) | undefined;

  const engine: Engine = {
    _progress,
    _secrets: createSecretJudge(_options, _config),
    _claim: claim,
    _recover: recover,
    _relearn: relearn,
    _tell: tell,
    _obey: obey,
    _rowsOf: rowsOf,
    async _begin(start, purpose) {
      const host = await _open();
      const { enableGradualCutover: gradual, cutoverPercentage: share } = start;
      if (gradual !== undefined || share !== undefined) void host._cutover(true).then((cutover) => cutover!._wish(start), problemOf);
      if (active && purpose === "backup") throw problem("busy");
      if (active) return active;
      const handle = (active = startRun(host, start, purpose));
      void handle.done.then(async () => {
        active = undefined;
        await core._recall(host);
        // With a receipt of its own this device may go on to where others are: only asking tells.
        if (host._config()?.stages.some(({ reason }) => reason === "no_receipt")) await host._connect(undefined, true);
      }).catch(problemOf);
      return handle;
    },
    _moving: () => !!active,
    _watch() {
      const interval = _options.rescanInterval ?? 5000;
      if (interval) stop ??= watchArea(_supported(), interval, (itemCount) => _events._emit("sourceChanged", { itemCount }));
    },
    _halt() {
      active?._halt();
      stop?.();
      stop = undefined;
    },
    _persist: () => storageHealth(true),
    _refresh: () =>
      _attempt(async (host) => {
        host._progress._apply((await host._net._send("GET", "/runs/" + (await lastRunId(host))))._body);
        return {};
      }),
    checkIfMigrationNeeded: () => checkNeed(core),
    createMigrationPlan: plan,
    validateMigration: ({ receipt: asked = true } = {}) =>
      _attempt(async (host) => {
        const last = await host._store._get<LastRun>(LAST);
        const cargo = await createCargo(host, last?.list);
        await cargo._scan();
        const { collections } = await cargo._manifest(1);
        const [found, refused] = await compareRecords(host._net, collections);
        const [lacking, extra] = compare(cargo, found);
        const reasons = new Map(refused.map(({ key_json, fingerprint, code }) => [fingerprint + JSON.parse(key_json), code]));
        const aside = (entry: Entry) => reasons.get(wirePrint(entry) + entry._key);
        const differing = lacking.filter((entry) => !aside(entry));
        const receipt = asked && last ? await holdToReceipt(host._net, last.id) : null;
        return {
          valid: !differing.length && receipt?.valid !== false,
          differing: differing.map(({ _key }) => _key),
          quarantined: lacking.flatMap((entry) => (aside(entry) ? { key: entry._key, code: aside(entry)! } : [])),
          onlyOnServer: [...extra.keys()],
          receipt,
        };
      }),
    validateMigrationReadiness: () => assess(core, plan, engine.checkSystemHealth),
    async checkSystemHealth() {
      const host = await _open().catch(() => undefined);
      const ask = (_open: boolean) => host?._net._send("GET", "/health", { _open, _read: (response) => response.json() });
      // Whoever shows a token hears of the parts too.
      const answer = await Promise.resolve(ask(false))
        .catch(() => ask(true))
        .catch(() => undefined);
      const server = answer?._body ?? null;
      return {
        healthy: server?.status === "ok",
        supported: !!host,
        online: globalThis.navigator?.onLine !== false,
        breaker: host?._net._breaker() ?? "closed",
        secureContext: globalThis.isSecureContext !== false,
        indexedDB: !!host?._store._durable(),
        locks: !!globalThis.navigator?.locks,
        compression: "CompressionStream" in globalThis,
        webSocket: "WebSocket" in globalThis,
        storage: await storageHealth(),
        server,
      };
    },
    async canRollback(runId) {
      const found = await _attempt((host) => preview(host, undefined, runId));
      return found.ok
        ? { canRollback: found.can_rollback, reasons: found.reasons }
        : { canRollback: false, reasons: [{ code: found.code, detail: found.detail ?? found.code }] };
    },
    listRollbackPoints: () => get("/rollback-points"),
    previewRollback: (pointId) => _attempt(async (host) => ({ preview: await preview(host, pointId) })),
    rollbackMigration: (pointId) => _attempt(async (host) => ({ rollback: await rollBack(host, pointId) })),
    undoRollback: (rollbackId) => _attempt(async (host) => ({ rollback: await undo(host, rollbackId) })),
    createBackup: () =>
      _attempt(async () => {
        const result = await (await engine._begin({}, "backup")).done;
        if (!result.ok) throw problem(result.code!, { detail: result.detail });
        return { result };
      }),
    listBackups: () => get("/backups"),
    downloadBackup: (id) => _attempt(async ({ _net }) => ({ blob: new Blob([(await download(_net, id))._body]) })),
    restoreBackup: (id) =>
      _attempt(async ({ _net, _area }) => {
        const { _body, _headers } = await download(_net, id);
        const pairs = await readBackup(_body, _headers.get("Migration-Digest"));
        writeAll(_area, pairs);
        return { restored: pairs.length };
      }),
    listConflicts: () => _attempt(async (host) => ({ conflicts: await listConflicts(host) })),
    resolveConflict: (conflict, choice) =>
      _attempt(async (host) => {
        await resolveConflict(host, conflict, choice);
        return {};
      }),
    getMigrationStatistics: () => statistics(core),
    generateMigrationReport: ((runId, { format } = {}) =>
      _attempt(async (host) => {
        const path = `/runs/${runId ?? (await lastRunId(host))}/report`;
        if (format !== "html") return { report: (await host._net._send("GET", path))._body };
        const { _body } = await host._net._send("GET", path + "?format=html", { _read: (response) => response.text() });
        return { html: _body };
      })) as Engine["generateMigrationReport"],
  };
  return engine;
};
