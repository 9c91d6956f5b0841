/**
 * Every public type of the SDK; what the server says is in `wire.ts`, what questions are answered with in
 * `findings.ts`. Nothing here has code: importing it costs no byte.
 */
import type {
  Backup,
  CollectionPattern,
  ConflictResolution,
  MigrationReport,
  Phases,
  Receipt,
  Rollback,
  RollbackPoint,
  RollbackPreview,
  RunSnapshot,
  RunState,
  ServerConfig,
} from "./wire.js";
import type { Absence, AdoptionChoice, ConflictChoice, DualWriteOptions, Pending, SettledWrite, WriteConflict } from "./writes.js";
import type { CollectionStageChange, CutoverOptions, ReadAllAnswer, ReadAnswer } from "./reads.js";
import type {
  MigrationStatistics,
  Readiness,
  SystemHealth,
  Validation,
} from "./findings.js";

export type * from "./findings.js";
export type * from "./reads.js";
export type * from "./writes.js";
export type * from "./wire.js";

/** Called before each request. `refresh` is true when the server refused the last token. */
export type TokenProvider = (request: { refresh: boolean }) => string | null | Promise<string | null>;

/** How often and how loudly progress is told. */
export interface ProgressOptions {
  /** Least time between two `progressUpdate` events, in ms (default 250). */
  updateInterval?: number;
  /** Time between two `metricsUpdate` events, in ms (default 1000). */
  metricsInterval?: number;
  /** How many errors are remembered (default 50). */
  errorHistoryLimit?: number;
}

export interface MigrationClientOptions extends ProgressOptions, DualWriteOptions, CutoverOptions {
  /** Time after which what comparisons found is reported, in ms (default 10000). */
  reportInterval?: number;
  /** Longest wait for the server's answer to `get` and `getAll`, in ms (default 1000). */
  readTimeout?: number;
  /** Address of the server, e.g. `https://sync.example.com`. */
  url: string;
  /** The app's publishable key, `pk_…`. */
  appKey: string;
  /** Yields the signed-in user's token; absent means a guest bound to this browser. */
  token?: TokenProvider;
  /** Collections declared by the page; they come before those the SDK infers. */
  collections?: CollectionPattern[];
  /** Patterns of keys that never leave the browser. */
  exclude?: string[];
  /** Patterns of keys that may travel although they look like secrets. */
  allowSensitive?: string[];
  /** Keeps two clients of one app on one origin apart. */
  namespace?: string;
  /** Longest wait for one answer, in ms (default 30000). */
  requestTimeout?: number;
  /** Time between two looks at the storage, in ms (default 5000; 0 switches watching off). */
  rescanInterval?: number;
  /** Asks the browser to keep the origin's storage (default false: Firefox asks the user). */
  persist?: boolean;
  /** What to read instead of `window.localStorage`. */
  storage?: Storage;
  /** Where device id and counters live; `null` keeps them in memory. */
  indexedDB?: IDBFactory | null;
  /** How to talk to the server. */
  fetch?: typeof fetch;
}

/** Options of one run. All have defaults. */
export interface StartOptions extends CutoverOptions {
  /** Default `AUTO_MERGE`. */
  conflictResolution?: ConflictResolution;
  /** Default true. */
  backupBeforeMigration?: boolean;
  /** Default true. */
  validateAfterMigration?: boolean;
  /** One refused entry does not stop the rest (default true). */
  continueOnError?: boolean;
  /** Most entries in one chunk (default and limit: the server's, 10000). */
  batchSize?: number;
  /** How often one request is tried again before the run fails (default: as long as it takes). */
  retryAttempts?: number;
  /** The whole server path without keeping a record (default false). */
  dryRun?: boolean;
  /** What to do when verification finds a difference (default `repair`). */
  onValidationFailure?: "repair" | "offer" | "rollback";
  /** The present account may send what was first seen under another one: somebody was asked and said yes. */
  takeOver?: boolean;
  onProgress?: (progress: Progress) => void;
  onError?: (error: MigrationError) => void;
  onComplete?: (result: MigrationResult) => void;
  /** Cancels the run when it aborts. */
  signal?: AbortSignal;
}

/** What every call answers when it cannot do what was asked; nothing is ever thrown. */
export interface Refusal {
  ok: false;
  /** Stable word, e.g. `unsupported`, `not_found`, `network`; the README lists all. */
  code: string;
  detail?: string;
}

/** The answer of a call that may be refused: look at `ok` first. */
export type Outcome<T> = ({ ok: true } & T) | Refusal;

/** Why the SDK stays passive in this browser. */
export type UnsupportedReason = "no_window" | "no_storage" | "storage_blocked" | "insecure_context" | "no_crypto";

/** What kind of value an entry holds. */
export type ValueType =
  | "object"
  | "array"
  | "string"
  | "number"
  | "boolean"
  | "null"
  | "date"
  | "uuid"
  | "base64"
  | "dataUrl"
  | "jwt"
  | "text"
  | "empty"
  | "doubleEncoded";

/** Answer of `checkIfMigrationNeeded`. */
export interface NeedCheck {
  needed: boolean;
  /** Entries that would travel. */
  itemCount: number;
  /** Their size in bytes, as they would travel uncompressed. */
  storageSize: number;
  /** `migrate`, `resume`, `up_to_date`, `empty`, `restore` (the server has data, the browser has none) or `unsupported`. */
  recommendation: "migrate" | "resume" | "up_to_date" | "empty" | "restore" | "unsupported";
  /** Set when the question could not be answered in full. */
  code?: string;
}

/** One collection in the plan. */
export interface CollectionBreakdown {
  name: string;
  patterns: string[];
  count: number;
  bytes: number;
  types: Partial<Record<ValueType, number>>;
}

/** An entry that stays in the browser. */
export interface WithheldEntry {
  key: string;
  /** The rule's id, or `excluded`. */
  rule: string;
  /** One plain sentence. */
  why: string;
}

/** Something the reader of a plan should know. */
export interface Recommendation {
  code:
    | "secrets_withheld"
    | "large_values"
    | "double_encoded"
    | "not_persisted"
    | "storage_nearly_full"
    | "slow_connection";
  detail: string;
  count?: number;
}

/** Why a run cannot start now. */
export interface Blocker {
  code: string;
  detail: string;
}

export interface MigrationPlan {
  /** Milliseconds, as a range. */
  estimatedDuration: { min: number; max: number };
  dataBreakdown: CollectionBreakdown[];
  recommendations: Recommendation[];
  withheld: WithheldEntry[];
  itemCount: number;
  storageSize: number;
}

/** Answer of `createMigrationPlan`; the plan is whole even where it cannot proceed. */
export interface PlanAnswer {
  plan: MigrationPlan;
  canProceed: boolean;
  blockers: Blocker[];
}

/** Where a run stands; `scanning` is the browser reading its storage before the server knows. */
export type RunStage = "idle" | "scanning" | RunState;

/** Why nothing moves at the moment. */
export type PauseReason = "user" | "auth" | "offline" | "server";

/** Progress as the page should show it. `percentage` never falls within one run. */
export interface Progress {
  migrationId: string | null;
  stage: RunStage;
  percentage: number;
  processed: number;
  total: number;
  bytesProcessed: number;
  bytesTotal: number;
  entriesPerSecond: number;
  etaSeconds: number | null;
  successRate: number;
  phases: Phases;
  paused: PauseReason | null;
  /** False in a tab that only watches another tab's run. */
  leading: boolean;
  errors: MigrationError[];
  /** The server's last word, if it has spoken. */
  run: RunSnapshot | null;
}

/** Progress, and what lies ready to be resumed. */
export interface MigrationStatus extends Progress {
  supported: boolean;
  /** True when an unfinished run of this browser waits for `startMigration`. */
  resumable: boolean;
  receipt: Receipt | null;
}

export interface MigrationError {
  code: string;
  detail: string;
  /** ISO time. */
  at: string;
  /** The entry it concerns, where it concerns one. */
  key?: string;
}

export interface Metrics {
  entriesPerSecond: number;
  bytesPerSecond: number;
  etaSeconds: number | null;
  successRate: number;
  /** Requests sent since the client was made, tries included. */
  requests: number;
  retries: number;
  bytesSent: number;
  /** Payload the next chunk aims at. */
  chunkTarget: number;
  breaker: BreakerState;
}

export type BreakerState = "closed" | "open" | "half_open";

/** How a run ended. */
export interface MigrationResult {
  ok: boolean;
  migrationId: string | null;
  state: RunStage;
  /** Set when `ok` is false. */
  code?: string;
  detail?: string;
  receipt: Receipt | null;
  run: RunSnapshot | null;
  /** Entries that stayed in the browser, and why. */
  withheld: WithheldEntry[];
  /** Entries the server cannot take at all, e.g. too large. */
  refused: { key: string; code: string }[];
}

/** Handle of a run. `done` always resolves. */
export interface RunHandle {
  migrationId: string | null;
  cancel(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  done: Promise<MigrationResult>;
}

export interface MigrationEvents {
  migrationStarted: Progress;
  progressUpdate: Progress;
  stageChanged: { migrationId: string | null; stage: RunStage; previous: RunStage };
  errorAdded: MigrationError;
  metricsUpdate: Metrics;
  migrationPaused: { migrationId: string | null; reason: PauseReason };
  migrationCompleted: MigrationResult;
  migrationFailed: MigrationResult;
  /** This browser cannot take part; the page goes on untouched. */
  unsupported: { reason: UnsupportedReason };
  /** The storage differs from the last look at it. */
  sourceChanged: { itemCount: number };
  /** What the server does not have yet is another than before. */
  pendingChanged: Pending;
  /** The server has spoken about a write. */
  writeSettled: SettledWrite;
  /** Two devices wrote one key, and somebody has to decide. */
  conflict: WriteConflict;
  /** So much is missing here that it was rather lost than deleted: `resolveAbsence` says which. */
  absence: Absence;
  /** The present account is not the one this browser's data belongs to: nothing is sent before `takeOver`. */
  ownerChanged: { code: string; from: "guest" | "account" };
  /** Another stage than before holds for a collection (`""`: all that have none of their own), or for another reason. */
  collectionStageChanged: CollectionStageChange;
  /** The server disabled this app: everything of ours stopped. */
  revoked: { code: string };
}

export type MigrationEventName = keyof MigrationEvents;

/** Stops listening. */
export type Unsubscribe = () => void;

export interface MigrationClient {
  /** Reads the config, opens the SDK's own storage, starts watching. Every other call does it when needed. */
  initialize(): Promise<Outcome<{ config: ServerConfig }>>;
  checkIfMigrationNeeded(): Promise<NeedCheck>;
  createMigrationPlan(): Promise<PlanAnswer>;
  /** Starts, or goes on with what an earlier visit left unfinished. */
  startMigration(options?: StartOptions): Promise<RunHandle>;
  on<E extends MigrationEventName>(event: E, listener: (payload: MigrationEvents[E]) => void): Unsubscribe;
  off<E extends MigrationEventName>(event: E, listener: (payload: MigrationEvents[E]) => void): void;
  /** What this tab knows, at once. */
  getMigrationStatus(): MigrationStatus;
  /** What the server knows, asked now. */
  checkMigrationStatus(): Promise<MigrationStatus>;
  /**
   * Compares digests of what is here with the server's records, and has the server hold the last run to its receipt
   * (work in proportion to the run; `receipt: false` leaves it out).
   */
  validateMigration(options?: { receipt?: boolean }): Promise<Outcome<Validation>>;
  validateMigrationReadiness(): Promise<Readiness>;
  /** For the given run, or the last one of this browser. */
  canRollback(runId?: string): Promise<{ canRollback: boolean; reasons: { code: string; detail: string }[] }>;
  listRollbackPoints(): Promise<Outcome<{ points: RollbackPoint[] }>>;
  /** With a point's id: everything since. Without: the last run's changes. */
  previewRollback(pointId?: string): Promise<Outcome<{ preview: RollbackPreview }>>;
  /** Resolves when the server has done it. Touches no local byte. */
  rollbackMigration(pointId?: string): Promise<Outcome<{ rollback: Rollback }>>;
  /** Undoes the given rollback, or the last one made here. */
  undoRollback(rollbackId?: string): Promise<Outcome<{ rollback: Rollback }>>;
  /** Uploads a copy of the storage that changes no record. */
  createBackup(): Promise<Outcome<{ result: MigrationResult }>>;
  listBackups(): Promise<Outcome<{ backups: Backup[] }>>;
  downloadBackup(id: string): Promise<Outcome<{ blob: Blob }>>;
  /** Writes a backup into the browser's storage: all of it, or nothing. */
  restoreBackup(id: string): Promise<Outcome<{ restored: number }>>;
  getMigrationStatistics(): Promise<MigrationStatistics>;
  /** Of the given run, or the last one of this browser: as data, or as one HTML page that needs nothing else. */
  generateMigrationReport(runId?: string, options?: { format?: "json" }): Promise<Outcome<{ report: MigrationReport }>>;
  generateMigrationReport(runId: string | undefined, options: { format: "html" }): Promise<Outcome<{ html: string }>>;
  /** Everything this tab knows about the run, as JSON text. */
  exportProgressData(): string;
  checkSystemHealth(): Promise<SystemHealth>;
  /**
   * Has the server told of every change of the page's localStorage from now on, and brings other devices' changes
   * down; the page notices nothing of it but the `storage` events it would have of another tab.
   */
  install(): Promise<Outcome<object>>;
  /** Ends what `install` began, and leaves no trace in the page. */
  uninstall(): void;
  /** The page's localStorage itself, installed by the first look at it; one in memory where there is none. */
  readonly storage: Storage;
  /** What the server does not have yet. */
  readonly pending: Pending;
  /** Resolves when the server has the key's present value, or all of them; refused where it will not take it. */
  whenSynced(key?: string): Promise<Outcome<object>>;
  /** After `absence`: brings the missing keys back, or has them deleted on the server as well. */
  resolveAbsence(choice: "restore" | "delete"): Promise<Outcome<object>>;
  /** After `ownerChanged`: what becomes of what is here under the present account (default `adopt`). */
  takeOver(choice?: AdoptionChoice): Promise<Outcome<object>>;
  /** Conflicts of this owner that wait for somebody to decide. */
  listConflicts(): Promise<Outcome<{ conflicts: WriteConflict[] }>>;
  resolveConflict(conflict: WriteConflict, choice: ConflictChoice): Promise<Outcome<object>>;
  /** Installed by the first look at it; resolves once other devices' changes have come down, refused after a while. */
  readonly ready: Promise<Outcome<object>>;
  /**
   * The value of a key, from the side its collection's stage names; what the server does not have yet comes first.
   * Where the server does not answer in time this browser does.
   */
  get(key: string): Promise<Outcome<ReadAnswer>>;
  /** The same for all entries, or for those of one collection. */
  getAll(collection?: string): Promise<Outcome<ReadAllAnswer>>;
  /** Stops watching, sockets and timers. A run under way resumes at the next visit. */
  destroy(): void;
}
