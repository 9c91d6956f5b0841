import { problem } from "./problem.js";
import type { Cutover } from "./cutover.js";
import type { Events } from "./events.js";
import type { Judge } from "./judge.js";
import type { Mark } from "./mark.js";
import type { Sleep } from "./pace.js";
import type { ProgressKeeper } from "./progress.js";
import type { Store } from "./store.js";
import type { DualWrite } from "./sync.js";
import type { claim } from "./sync/adopting.js";
import type { obey } from "./sync/commands.js";
import type { relearn } from "./sync/relearn.js";
import type { tell } from "./sync/tell.js";
import type { View } from "./sync/tab.js";
import type { recover } from "./sync/torn.js";
import type { rowsOf } from "./sync/verdicts.js";
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

/** What a client hands to its parts before its own storage is open. */
export interface Core {
  _options: MigrationClientOptions;
  _events: Events;
  _sleep: Sleep;
  /** Name of this client's lock and database. */
  _name: string;
  /** The storage, or a problem where the browser cannot take part. */
  _supported(): Storage;
  _open(): Promise<Host>;
  /** Does something with the server; a failure becomes a refusal. */
  _attempt<T extends object>(work: (host: Host) => Promise<T>): Promise<Outcome<T>>;
  _config(): ServerConfig | undefined;
  /** Takes what the server tells, or another tab that was told. */
  _adopt(config: ServerConfig): void;
  /** What decides which entries stay here; handed on, so that nobody carries it a second time. */
  _judge(): Judge;
  /** What is needed on rare occasions only. */
  _engine(): Promise<Engine>;
  /** Dual write, fetched where it is not there yet. */
  _dual(): Promise<DualWrite>;
  /** What stages beyond dual write need; undefined while none of them holds, unless it is wanted all the same. */
  _cutover(wanted?: boolean): Promise<Cutover | undefined>;
  /** True while this page leads a run. */
  _moving(): boolean;
  /** True where an earlier visit left a run unfinished. */
  _resumable(): boolean;
  /** Reads anew what earlier runs have left in the store. */
  _recall(host: Host): Promise<void>;
}

/** The same with its storage and the line to the server. */
export interface Host extends Core {
  _area: Storage;
  _store: Store;
  _net: Transport;
  /** There once the engine is. */
  _progress: ProgressKeeper;
  /** Fetches the config unless it is there, or anew. */
  _connect(run?: Patience, anew?: boolean): Promise<void>;
  /** There once connected. */
  _config(): ServerConfig;
  /** Dual write as this tab sees it, once it has begun. */
  _view?: View;
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
/** The wait the server asked for last. */
export const HELD = "held";
/** Whether the server answers reads; undefined while no stage beyond dual write holds. */
export const SERVED = "served";

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

/** The words of a text. */
export type Words<Text extends string> = Text extends `${infer First} ${infer Rest}` ? First | Words<Rest> : Text;

/** Calls whose code is in the engine, fetched when the first of them is used. */
export const LATER =
  "checkIfMigrationNeeded createMigrationPlan validateMigration validateMigrationReadiness canRollback listRollbackPoints previewRollback rollbackMigration undoRollback createBackup listBackups downloadBackup restoreBackup getMigrationStatistics generateMigrationReport checkSystemHealth listConflicts resolveConflict";

/** Calls whose code is dual write's. */
export const DUAL = "install resolveAbsence takeOver whenSynced";

/** Calls whose code is that of the cutover. */
export const READS = "get getAll";

/** What the engine does for the client. */
export interface Engine extends Pick<MigrationClient, Words<typeof LATER>> {
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
  _claim: typeof claim;
  _recover: typeof recover;
  _relearn: typeof relearn;
  _tell: typeof tell;
  _obey: typeof obey;
  _rowsOf: typeof rowsOf;
}

/** A handle, and what only the client asks of it. */
export interface InternalHandle extends RunHandle {
  _halt(): void;
}
