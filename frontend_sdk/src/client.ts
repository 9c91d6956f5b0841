import { base64url } from "./codec.js";
import type { Cutover } from "./cutover.js";
import { probe } from "./environment.js";
import { contain, createEvents } from "./events.js";
import {
  DEVICE,
  DUAL,
  GUEST,
  HELD,
  LAST,
  LATER,
  NO_PLAN,
  READS,
  RUN,
  type Core,
  type Engine,
  type Host,
  type LastRun,
  type Words,
} from "./host.js";
import { createJudge, type Judge } from "./judge.js";
import { createMemory } from "./memory.js";
import { createSleep } from "./pace.js";
import { problem, problemOf, refuse } from "./problem.js";
import { idle } from "./progress.js";
import { openStore } from "./store.js";
import type { DualWrite } from "./sync.js";
import { pendingOf } from "./sync/pending.js";
import { createTransport, type Transport } from "./transport.js";
import type {
  MigrationClient,
  MigrationClientOptions,
  MigrationStatus,
  Outcome,
  ServerConfig,
} from "./types.js";

/** Calls whose code is fetched when they are first used. */
type Distant = Words<typeof LATER | typeof DUAL | typeof READS>;

/** What dual write is made with. */
export type SyncModule = Pick<typeof import("./sync.js"), "createDualWrite">;

/** Answer of any call whose code could not be fetched: a refusal in the shape of each of them. */
const unanswered = (thrown: unknown) => {
  const { code } = problemOf(thrown);
  const reasons = [{ code, detail: code, severity: "issue", passed: false }];
  const nothing = async () => {};
  return {
    ...refuse(thrown),
    migrationId: null,
    state: "failed" as const,
    receipt: null,
    run: null,
    withheld: [],
    refused: [],
    cancel: nothing,
    pause: nothing,
    resume: nothing,
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
  let cutover: Cutover | undefined;
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

  const adopt = (next: ServerConfig): void => {
    config = next;
    void findCutover().catch(problemOf);
  };

  const open = async (): Promise<Host> => {
    const area = supported();
    const store = await openStore(environment._indexedDB, name);
    const own = <T>(key: string, make: () => T) => store._update<T>(key, (old) => old ?? make());
    let device = await own(DEVICE, () => crypto.randomUUID());
    // Numbers that are not kept any more would be given twice: from there on they are another device's.
    store._lost = () => (device = crypto.randomUUID());
    const net: Transport = createTransport({
      ...core,
      _device: () => device,
      _guest: () => own(GUEST, () => base64url(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))),
      _revoked: (code) => emit("revoked", { code }),
      _store: store,
      _held: await store._get(HELD),
    });
    globalThis.addEventListener?.("online", sleep._wake);
    const host: Host = {
      // What asks for either of them comes after it is there.
      ...(core as Core & Pick<Host, "_config" | "_progress">),
      _area: area,
      _store: store,
      _net: net,
      async _connect(run, anew) {
        // A guest's session brings the config along.
        const _needless = () => !!config && !anew;
        if (_needless()) return;
        const { _body } = await net._send("GET", "/config", { _run: run, _needless });
        if (_needless()) return;
        adopt(_body);
      },
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

  const loadEngine: () => Promise<Engine> = fetched(
    async () => (engine = (await import("./engine.js")).createEngine(core)),
  );
  const loadCutover: () => Promise<Cutover> = fetched(
    async () => (cutover = (await import("./cutover.js")).createCutover(core)),
  );

  /** Stages beyond dual write have code of their own. */
  const findCutover = async (wanted?: boolean): Promise<Cutover | undefined> => {
    // Where all collections write on both sides, or none does, nothing of it is needed.
    if (wanted || cutover || !/^(off|dual_write)(,\1)*$/.test("" + config!.stages.map(({ stage }) => stage)))
      await (await loadCutover())._heed(config);
    return cutover;
  };

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

  const core: Core = {
    _options: options,
    _events: events,
    _sleep: sleep,
    _name: name,
    _supported: supported,
    _open: ready,
    _attempt: attempt,
    _config: () => config,
    _adopt: adopt,
    _judge: judge,
    _engine: loadEngine,
    _dual: loadDual,
    _cutover: findCutover,
    _moving: () => !!engine?._moving(),
    _resumable: () => resumable,
    _recall: recall,
  };

  const own: Omit<MigrationClient, Distant> = {
    initialize: async () => {
      if (options.persist) void loadEngine().then((engine) => engine._persist(), problemOf);
      return attempt(async () => ({ config: config! }));
    },
    startMigration: (given = {}) =>
      loadEngine()
        .then((loaded) => loaded._begin(given, "migrate"))
        .catch((thrown) => {
          const failed = unanswered(thrown);
          emit("migrationFailed", failed);
          void contain(() => given.onComplete?.(failed));
          return { ...failed, done: Promise.resolve(failed) };
        }),
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
      return dual?._pending() ?? pendingOf(undefined, "not_installed");
    },
    get ready() {
      return loadDual().then((loaded) => loaded._ready(), refuse);
    },
    destroy() {
      destroyed = true;
      cutover?._halt();
      engine?._halt();
      client.uninstall();
      globalThis.removeEventListener?.("online", sleep._wake);
    },
  };
  const client = own as MigrationClient;
  /** Calls whose code is elsewhere. What is there already answers at once, so that calls keep their order. */
  const distant = (
    names: string,
    load: () => Promise<any>,
    near?: () => any,
  ) => {
    for (const call of names.split(" "))
      client[call as Distant] = ((...args: never[]) =>
        near?.()?.[call](...args) ?? load().then((loaded) => loaded[call](...args), unanswered)) as never;
  };
  distant(LATER, loadEngine);
  distant(DUAL, loadDual, () => dual);
  distant(READS, loadCutover);
  return client;
};
