import { problem } from "./problem.js";
import type { Events } from "./events.js";
import type { Judge } from "./judge.js";
import type { Mark } from "./mark.js";
import type { Sleep } from "./pace.js";
import type { ProgressKeeper } from "./progress.js";
import type { Store } from "./store.js";
import type { claim } from "./sync/adopting.js";
import type { obey } from "./sync/commands.js";
import type { askPage } from "./sync/conflicts.js";
import type { relearn } from "./sync/relearn.js";
import type { tell } from "./sync/tell.js";
import type { recover } from "./sync/torn.js";
import type { rowOf } from "./sync/verdicts.js";
import type { Patience, Transport } from "./transport.js";
import type {
  CollectionPattern,
  MigrationClient,
  MigrationClientOptions,
  MigrationPlan,
  Outcome,
  Receipt,
  RunHandle,
  RunSnapshot,
  ServerConfig,
  StartOptions,
} from "./types.js";

/** What a client hands to its parts. */
export interface Host {
  _options: MigrationClientOptions;
  _area: Storage;
  _store: Store;
  _net: Transport;
  _sleep: Sleep;
  _events: Events;
  /** There once the engine is. */
  readonly _progress: ProgressKeeper;
  /** Fetches the config unless it is there, or anew. */
  _connect(run?: Patience, anew?: boolean): Promise<void>;
  /** There once connected. */
  _config(): ServerConfig;
  /** True while this page leads a run. */
  _moving(): boolean;
  /** What decides which entries stay here; handed on, so that nobody carries it a second time. */
  _judge(): Judge;
  /** What is needed on rare occasions only. */
  _engine(): Promise<Engine>;
  /** Name of this client's lock and database. */
  _name: string;
}

/** The words in the store. */
export const DEVICE = "device";
export const GUEST = "guest";
export const SEQ = "seq";
export const FENCE = "fence";
/** The account this browser's data was first seen under. */
export const CLAIM = "claim";
/** The run under way. */
export const RUN = "run";
/** The last completed run. */
export const LAST = "last";
export const ROLLBACK = "rollback";

export type Purpose = "migrate" | "backup";

export const NO_PLAN: MigrationPlan = {
  estimatedDuration: { min: 0, max: 0 },
  dataBreakdown: [],
  recommendations: [],
  withheld: [],
  itemCount: 0,
  storageSize: 0,
};

/** A run to resume: its collections stay as they were, or the digests would not be comparable. */
export interface KnownRun {
  id: string;
  list: CollectionPattern[];
}

export interface LastRun {
  id: string;
  receipt: Receipt | null;
  list: CollectionPattern[];
  /** Mark of what was sent: says without asking whether anything changed since. */
  mark?: Mark;
}

/** True for a run that moved something; copies and rehearsals cannot be rolled back. */
export const isLasting = ({ purpose, dry_run }: RunSnapshot): boolean => purpose === "migrate" && !dry_run;

/** The run a question without an id is about. */
export const lastRunId = async ({ _store, _progress }: Host): Promise<string> => {
  const run = _progress._run();
  const id =
    (run && isLasting(run) ? run.id : undefined) ??
    (await _store._get<KnownRun>(RUN))?.id ??
    (await _store._get<LastRun>(LAST))?.id;
  if (!id) throw problem("not_found");
  return id;
};

/** Calls whose code is in the engine, fetched when the first of them is used. */
export const LATER = [
  "checkIfMigrationNeeded",
  "createMigrationPlan",
  "validateMigration",
  "validateMigrationReadiness",
  "canRollback",
  "listRollbackPoints",
  "previewRollback",
  "rollbackMigration",
  "undoRollback",
  "createBackup",
  "listBackups",
  "downloadBackup",
  "restoreBackup",
  "getMigrationStatistics",
  "generateMigrationReport",
  "checkSystemHealth",
  "listConflicts",
  "resolveConflict",
] as const;

/** Calls whose code is dual write's. */
export const DUAL = ["install", "resolveAbsence", "takeOver", "whenSynced", "get", "getAll"] as const;

/** What the engine does for the client. */
export interface Engine extends Pick<MigrationClient, (typeof LATER)[number]> {
  /** Begins a run, or hands out the one under way. */
  _begin(start: StartOptions, purpose: Purpose): Promise<RunHandle>;
  /** True while this page leads a run. */
  _moving(): boolean;
  /** Ends what the page has going on; a run goes on at the next visit. */
  _halt(): void;
  /** Asks the browser to keep the origin's storage. */
  _persist(): Promise<unknown>;
  /** Emits `sourceChanged` until all is halted. Throws where there is no storage. */
  _watch(): void;
  /** Takes the last run's snapshot from the server; without one nothing happens. */
  _refresh(): Promise<unknown>;
  _progress: ProgressKeeper;
  /** Withholds secrets. */
  _secrets: Judge;
  _askPage: typeof askPage;
  _claim: typeof claim;
  _recover: typeof recover;
  _relearn: typeof relearn;
  _tell: typeof tell;
  _obey: typeof obey;
  _rowOf: typeof rowOf;
}

/** A handle, and what only the client asks of it. */
export interface InternalHandle extends RunHandle {
  _halt(): void;
}

/** What the client hands to the engine. */
export interface Core {
  _emit: Events["_emit"];
  /** The storage, or a problem where the browser cannot take part. */
  _supported(): Storage;
  _options: MigrationClientOptions;
  _open(): Promise<Host>;
  /** Does something with the server; a failure becomes a refusal. */
  _attempt<T extends object>(work: (host: Host) => Promise<T>): Promise<Outcome<T>>;
  /** Reads anew what earlier runs have left in the store. */
  _recall(host: Host): Promise<void>;
  _knownConfig(): ServerConfig | undefined;
  _judge(): Judge;
  /** True where an earlier visit left a run unfinished. */
  _resumable(): boolean;
}
