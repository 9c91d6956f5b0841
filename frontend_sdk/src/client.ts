import { base64url } from "./codec.js";
import { probe } from "./environment.js";
import { contain, createEvents } from "./events.js";
import {
  DEVICE,
  DUAL,
  GUEST,
  LAST,
  LATER,
  NO_PLAN,
  RUN,
  type Engine,
  type Host,
  type LastRun,
} from "./host.js";
import { createJudge, type Judge } from "./judge.js";
import { createMemory } from "./memory.js";
import { createSleep } from "./pace.js";
import { problem, problemOf, refuse } from "./problem.js";
import { idle } from "./progress.js";
import { openStore } from "./store.js";
import type { DualWrite } from "./sync.js";
import { createTransport, type Transport } from "./transport.js";
import type {
  MigrationClient,
  MigrationClientOptions,
  MigrationResult,
  MigrationStatus,
  Outcome,
  Pending,
  RunHandle,
  ServerConfig,
  StartOptions,
} from "./types.js";

const NOTHING_PENDING: Pending = { count: 0, bytes: 0, oldest: null, missing: 0, refused: [], paused: "not_installed" };

/** What dual write is made with. */
export type SyncModule = Pick<typeof import("./sync.js"), "createDualWrite">;

/** Answer of any call whose code could not be fetched: a refusal in the shape of each of them. */
const unanswered = (thrown: unknown) => {
  const { code } = problemOf(thrown);
  const reasons = [{ code, detail: code, severity: "issue", passed: false }];
  return {
    ...refuse(thrown),
    needed: false,
    itemCount: 0,
    storageSize: 0,
    recommendation: "unsupported",
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

/** Code that is fetched when it is first needed; a failure is tried again by the next call. */
const fetched = <T>(fetch: () => Promise<T>): (() => Promise<T>) => {
  let loading: Promise<T> | undefined;
  return () =>
    (loading ??= fetch().catch(() => {
      loading = undefined;
      throw problem("engine_unavailable");
    }));
};

/** Makes a client, given where dual write comes from. Nothing is read, sent or kept before one of its calls. */
export const createClient = (options: MigrationClientOptions, fetchSync: () => Promise<SyncModule>): MigrationClient => {
  const events = createEvents();
  const emit = events._emit;
  const sleep = createSleep();
  const environment = probe(options);
  const name = `syncserver:${options.appKey}:${options.namespace ?? ""}`;
  let config: ServerConfig | undefined;
  let opening: Promise<Host> | undefined;
  let destroyed = false;
  let told = false;
  let dual: DualWrite | undefined;
  let dualAsked = false;
  let memory: Storage | undefined;
  let engine: Engine | undefined;
  let last: LastRun | undefined;
  let resumable = false;

  const judge = (): Judge => createJudge(options, config, async () => (await loadEngine())._secrets);

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
    let device = await own(DEVICE, () => crypto.randomUUID());
    // Numbers that are not kept any more would be given twice: from there on they are another device's.
    store._lost = () => (device = crypto.randomUUID());
    const net: Transport = createTransport({
      _options: options,
      _device: () => device,
      _sleep: sleep,
      _guest: () => own(GUEST, () => base64url(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))),
      _adopt: (next) => (config = next),
      _revoked: (code) => emit("revoked", { code }),
    });
    globalThis.addEventListener?.("online", sleep._wake);
    const host: Host = {
      _options: options,
      _area: area,
      _store: store,
      _net: net,
      _sleep: sleep,
      _events: events,
      get _progress() {
        return engine!._progress;
      },
      _engine: () => loadEngine(),
      _config: () => config!,
      _moving: () => !!engine?._moving(),
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

  const start = async (given: StartOptions): Promise<RunHandle> => {
    try {
      return await (await loadEngine())._begin(given, "migrate");
    } catch (thrown) {
      const end = { migrationId: null, state: "failed", receipt: null, run: null } as const;
      const result: MigrationResult = { ...refuse(thrown), ...end, withheld: [], refused: [] };
      emit("migrationFailed", result);
      void contain(() => given.onComplete?.(result));
      const nothing = async () => {};
      return { migrationId: null, cancel: nothing, pause: nothing, resume: nothing, done: Promise.resolve(result) };
    }
  };

  const loadEngine: () => Promise<Engine> = fetched(async () => {
    const { createEngine } = await import("./engine.js");
    return (engine = createEngine({
      _supported: supported,
      _emit: emit,
      _options: options,
      _open: ready,
      _attempt: attempt,
      _knownConfig: () => config,
      _judge: judge,
      _resumable: () => resumable,
      _recall: recall,
    }));
  });

  const status = (): MigrationStatus => ({
    ...(engine?._progress._view() ?? idle()),
    supported: !environment._reason,
    resumable,
    receipt: engine?._progress._run()?.receipt ?? last?.receipt ?? null,
  });

  const fetchDual = fetched(async () => {
    dualAsked = true;
    return (dual = (await fetchSync()).createDualWrite(options, supported, ready));
  });
  /** A page that cannot take part fetches nothing. */
  const loadDual = async () => {
    supported();
    return fetchDual();
  };

  const own: Omit<MigrationClient, (typeof LATER | typeof DUAL)[number]> = {
    initialize: async () => {
      if (options.persist) void loadEngine().then((engine) => engine._persist(), problemOf);
      return attempt(async () => ({ config: config! }));
    },
    startMigration: (given = {}) => start(given),
    on(name, listener) {
      // Looking again and again is for those who want to hear of it.
      if (name === "sourceChanged") void loadEngine().then((engine) => destroyed || engine._watch(), problemOf);
      return events._on(name, listener);
    },
    off: events._off,
    getMigrationStatus: status,
    async checkMigrationStatus() {
      await loadEngine().then((engine) => engine._refresh(), problemOf);
      return status();
    },
    exportProgressData: () => JSON.stringify(status()),
    uninstall() {
      if (dual) dual._uninstall();
      // What was asked for first comes first.
      else if (dualAsked) void loadDual().then((loaded) => loaded._uninstall(), problemOf);
    },
    get storage() {
      void client.install();
      return environment._area ?? (memory ??= createMemory());
    },
    get pending() {
      return dual?._pending() ?? NOTHING_PENDING;
    },
    get ready() {
      return loadDual().then((loaded) => loaded._ready(), refuse);
    },
    destroy() {
      destroyed = true;
      engine?._halt();
      client.uninstall();
      globalThis.removeEventListener?.("online", sleep._wake);
    },
  };
  const client = own as MigrationClient;
  /** Calls whose code is elsewhere. What is there already answers at once, so that calls keep their order. */
  const distant = (
    names: readonly (typeof LATER | typeof DUAL)[number][],
    load: () => Promise<any>,
    near?: () => any,
  ) => {
    for (const call of names)
      client[call] = ((...args: never[]) =>
        near?.()?.[call](...args) ?? load().then((loaded) => loaded[call](...args), unanswered)) as never;
  };
  distant(LATER, loadEngine);
  distant(DUAL, loadDual, () => dual);
  return client;
};
