import { base64url, toBinary } from "./codec.js";
import { createDual } from "./dual.js";
import { probe, storageHealth } from "./environment.js";
import { contain, createEvents } from "./events.js";
import {
  DEVICE,
  GUEST,
  LAST,
  LATER,
  lastRunId,
  NO_PLAN,
  RUN,
  type Engine,
  type Host,
  type InternalHandle,
  type LastRun,
  type Purpose,
} from "./host.js";
import { createJudge } from "./judge.js";
import { createSleep } from "./pace.js";
import { problem, problemOf, refuse } from "./problem.js";
import { createProgress } from "./progress.js";
import { openStore } from "./store.js";
import { survey } from "./survey.js";
import { createTransport, type Transport } from "./transport.js";
import type {
  MigrationClient,
  MigrationClientOptions,
  MigrationResult,
  MigrationStatus,
  NeedCheck,
  Outcome,
  RunHandle,
  ServerConfig,
  StartOptions,
} from "./types.js";
import { watchArea } from "./watch.js";

/** Answer of any call whose code could not be fetched: a refusal in the shape of each of them. */
const unanswered = (thrown: unknown) => {
  const { code } = problemOf(thrown);
  const reasons = [{ code, detail: code, severity: "issue", passed: false }];
  return {
    ...refuse(thrown),
    plan: NO_PLAN,
    canProceed: false,
    blockers: reasons,
    canRollback: false,
    reasons,
    ready: false,
    issues: reasons,
    warnings: [],
    checks: reasons,
    localStorage: null,
    database: null,
    sync: {},
  };
};

/** Makes a client. Nothing is read, sent or kept before one of its calls. */
export const createMigrationClient = (options: MigrationClientOptions): MigrationClient => {
  const events = createEvents();
  const emit = events._emit;
  const sleep = createSleep();
  const progress = createProgress(options, emit);
  const environment = probe(options);
  const name = `syncserver:${options.appKey}:${options.namespace ?? ""}`;
  let config: ServerConfig | undefined;
  let opening: Promise<Host> | undefined;
  let active: InternalHandle | undefined;
  let unwatch: (() => void) | undefined;
  let loading: Promise<Engine> | undefined;
  let told = false;
  let last: LastRun | undefined;
  let resumable = false;

  const judge = () => createJudge(options, config);

  const supported = (): Storage => {
    const { _area, _reason } = environment;
    if (!_reason) return _area!;
    if (!told) emit("unsupported", { reason: _reason });
    told = true;
    throw problem("unsupported", { detail: _reason });
  };

  const open = async (): Promise<Host> => {
    const area = supported();
    const store = await openStore(environment._indexedDB, name);
    const own = <T>(key: string, make: () => T) => store._update<T>(key, (old) => old ?? make());
    const net: Transport = createTransport({
      _options: options,
      _device: await own(DEVICE, () => crypto.randomUUID()),
      _sleep: sleep,
      _guest: () => own(GUEST, () => base64url(toBinary(crypto.getRandomValues(new Uint8Array(32))))),
      _adopt: (next) => (config = next),
      _revoked: (code) => emit("revoked", { code }),
    });
    globalThis.addEventListener?.("online", sleep._wake);
    const interval = options.rescanInterval ?? 5000;
    if (interval) unwatch = watchArea(area, interval, (itemCount) => emit("sourceChanged", { itemCount }));
    const host: Host = {
      _options: options,
      _area: area,
      _store: store,
      _net: net,
      _sleep: sleep,
      _events: events,
      _progress: progress,
      _config: () => config!,
      _moving: () => !!active,
      _judge: judge,
      async _connect(run, anew) {
        // A guest's session brings the config along.
        const _needless = () => !!config && !anew;
        if (_needless()) return;
        const { _body } = await net._send("GET", "/config", { _run: run, _needless });
        if (anew) config = undefined;
        config ??= _body;
      },
      _name: name,
    };
    await recall(host);
    return host;
  };

  /** Opens once; a failure is tried again by the next call. */
  const ready = (): Promise<Host> =>
    (opening ??= open().catch((thrown) => {
      opening = undefined;
      throw thrown;
    }));

  const attempt = async <T extends object>(work: (host: Host) => Promise<T>): Promise<Outcome<T>> => {
    try {
      const host = await ready();
      await host._connect();
      return { ok: true, ...(await work(host)) };
    } catch (thrown) {
      return refuse(thrown);
    }
  };

  const recall = async ({ _store }: Host): Promise<void> => {
    resumable = !!(await _store._get(RUN));
    last = await _store._get(LAST);
  };

  const begin = async (start: StartOptions, purpose: Purpose): Promise<RunHandle> => {
    try {
      const host = await ready();
      const { _run } = await loadEngine();
      if (active && purpose === "backup") throw problem("busy");
      if (active) return active;
      const handle = (active = _run(host, start, purpose));
      void handle.done.then(() => {
        active = undefined;
        return recall(host);
      });
      return handle;
    } catch (thrown) {
      const { code, detail } = problemOf(thrown);
      const end = { ok: false, migrationId: null, state: "failed", receipt: null, run: null } as const;
      const result: MigrationResult = { ...end, code, detail, withheld: [], refused: [] };
      emit("migrationFailed", result);
      if (start.onComplete) void contain(() => start.onComplete!(result));
      const nothing = async () => {};
      return { migrationId: null, cancel: nothing, pause: nothing, resume: nothing, done: Promise.resolve(result) };
    }
  };

  const recalled = async (): Promise<LastRun | undefined> => {
    await recall(await ready());
    return last;
  };

  const loadEngine = (): Promise<Engine> =>
    (loading ??= import("./engine.js")
      .then(({ createEngine }) =>
        createEngine({
          _supported: supported,
          _options: options,
          _open: ready,
          _attempt: attempt,
          _start: begin,
          _knownConfig: () => config,
          _judge: judge,
        }),
      )
      .catch(() => {
        loading = undefined;
        throw problem("engine_unavailable");
      }));

  const status = (): MigrationStatus => ({
    ...progress._view(),
    supported: !environment._reason,
    resumable,
    receipt: progress._run()?.receipt ?? last?.receipt ?? null,
  });

  const dual = createDual(options, environment._area, supported, ready);

  const own: Omit<MigrationClient, (typeof LATER)[number]> = {
    initialize: async () => {
      if (options.persist) void storageHealth(true);
      return attempt(async () => ({ config: config! }));
    },
    async checkIfMigrationNeeded() {
      const online = await attempt(async () => ({}));
      let found = { itemCount: 0, storageSize: 0, _mark: [0, 0] };
      let recommendation: NeedCheck["recommendation"] = "unsupported";
      try {
        found = await survey(supported(), judge());
        recommendation = !found.itemCount
          ? last
            ? "restore"
            : "empty"
          : resumable
            ? "resume"
            : `${(await recalled())?.mark}` === `${found._mark}`
              ? "up_to_date"
              : "migrate";
      } catch {
        // The storage cannot be read.
      }
      const { itemCount, storageSize } = found;
      const needed = recommendation === "migrate" || recommendation === "resume";
      return { needed, itemCount, storageSize, recommendation, ...(!online.ok && { code: online.code }) };
    },
    startMigration: (start = {}) => begin(start, "migrate"),
    on: events._on,
    off: events._off,
    getMigrationStatus: status,
    async checkMigrationStatus() {
      await attempt(async (host) => {
        progress._apply((await host._net._send("GET", "/runs/" + (await lastRunId(host))))._body);
        return {};
      });
      return status();
    },
    exportProgressData: () => JSON.stringify(status()),
    install: dual._install,
    uninstall: dual._uninstall,
    get storage() {
      return dual._storage();
    },
    get pending() {
      return dual._pending();
    },
    get ready() {
      return dual._ready();
    },
    resolveAbsence: dual._command,
    takeOver: () => dual._command("take"),
    whenSynced: dual._synced,
    get: dual._get,
    getAll: dual._getAll,
    destroy() {
      active?._halt();
      unwatch?.();
      dual._uninstall();
      globalThis.removeEventListener?.("online", sleep._wake);
    },
  };
  const client = own as MigrationClient;
  for (const call of LATER)
    client[call] = ((...args: never[]) =>
      loadEngine().then((engine) => (engine[call] as any)(...args), unanswered)) as never;
  return client;
};
