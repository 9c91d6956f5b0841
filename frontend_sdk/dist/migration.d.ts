/**
 * Every public type of the SDK; what the server says is in `wire.ts`, what questions are answered with in
 * `findings.ts`. Nothing here has code: importing it costs no byte.
 */
/** Called before each request. `refresh` is true when the server refused the last token. */
export type TokenProvider = (request: {
    refresh: boolean;
}) => string | null | Promise<string | null>;
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
export type Outcome<T> = ({
    ok: true;
} & T) | Refusal;
/** Why the SDK stays passive in this browser. */
export type UnsupportedReason = "no_window" | "no_storage" | "storage_blocked" | "insecure_context" | "no_crypto";
/** What kind of value an entry holds. */
export type ValueType = "object" | "array" | "string" | "number" | "boolean" | "null" | "date" | "uuid" | "base64" | "dataUrl" | "jwt" | "text" | "empty" | "doubleEncoded";
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
    code: "secrets_withheld" | "large_values" | "double_encoded" | "not_persisted" | "storage_nearly_full" | "slow_connection";
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
    estimatedDuration: {
        min: number;
        max: number;
    };
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
    refused: {
        key: string;
        code: string;
    }[];
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
    stageChanged: {
        migrationId: string | null;
        stage: RunStage;
        previous: RunStage;
    };
    errorAdded: MigrationError;
    metricsUpdate: Metrics;
    migrationPaused: {
        migrationId: string | null;
        reason: PauseReason;
    };
    migrationCompleted: MigrationResult;
    migrationFailed: MigrationResult;
    /** This browser cannot take part; the page goes on untouched. */
    unsupported: {
        reason: UnsupportedReason;
    };
    /** The storage differs from the last look at it. */
    sourceChanged: {
        itemCount: number;
    };
    /** What the server does not have yet is another than before. */
    pendingChanged: Pending;
    /** The server has spoken about a write. */
    writeSettled: SettledWrite;
    /** Two devices wrote one key, and somebody has to decide. */
    conflict: WriteConflict;
    /** So much is missing here that it was rather lost than deleted: `resolveAbsence` says which. */
    absence: Absence;
    /** The present account is not the one this browser's data belongs to: nothing is sent before `takeOver`. */
    ownerChanged: {
        code: string;
        from: "guest" | "account";
    };
    /** Another stage than before holds for a collection (`""`: all that have none of their own), or for another reason. */
    collectionStageChanged: CollectionStageChange;
    /** The server disabled this app: everything of ours stopped. */
    revoked: {
        code: string;
    };
}
export type MigrationEventName = keyof MigrationEvents;
/** Stops listening. */
export type Unsubscribe = () => void;
export interface MigrationClient {
    /** Reads the config, opens the SDK's own storage, starts watching. Every other call does it when needed. */
    initialize(): Promise<Outcome<{
        config: ServerConfig;
    }>>;
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
    validateMigration(options?: {
        receipt?: boolean;
    }): Promise<Outcome<Validation>>;
    validateMigrationReadiness(): Promise<Readiness>;
    /** For the given run, or the last one of this browser. */
    canRollback(runId?: string): Promise<{
        canRollback: boolean;
        reasons: {
            code: string;
            detail: string;
        }[];
    }>;
    listRollbackPoints(): Promise<Outcome<{
        points: RollbackPoint[];
    }>>;
    /** With a point's id: everything since. Without: the last run's changes. */
    previewRollback(pointId?: string): Promise<Outcome<{
        preview: RollbackPreview;
    }>>;
    /** Resolves when the server has done it. Touches no local byte. */
    rollbackMigration(pointId?: string): Promise<Outcome<{
        rollback: Rollback;
    }>>;
    /** Undoes the given rollback, or the last one made here. */
    undoRollback(rollbackId?: string): Promise<Outcome<{
        rollback: Rollback;
    }>>;
    /** Uploads a copy of the storage that changes no record. */
    createBackup(): Promise<Outcome<{
        result: MigrationResult;
    }>>;
    listBackups(): Promise<Outcome<{
        backups: Backup[];
    }>>;
    downloadBackup(id: string): Promise<Outcome<{
        blob: Blob;
    }>>;
    /** Writes a backup into the browser's storage: all of it, or nothing. */
    restoreBackup(id: string): Promise<Outcome<{
        restored: number;
    }>>;
    getMigrationStatistics(): Promise<MigrationStatistics>;
    /** Of the given run, or the last one of this browser: as data, or as one HTML page that needs nothing else. */
    generateMigrationReport(runId?: string, options?: {
        format?: "json";
    }): Promise<Outcome<{
        report: MigrationReport;
    }>>;
    generateMigrationReport(runId: string | undefined, options: {
        format: "html";
    }): Promise<Outcome<{
        html: string;
    }>>;
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
    listConflicts(): Promise<Outcome<{
        conflicts: WriteConflict[];
    }>>;
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
/** What the SDK found out: answers about the storage, the server, and how they stand to each other. */
/** Answer of `validateMigration`. */
export interface Validation {
    /** True when the server has every entry the browser would send as it is here, and the receipt still holds. */
    valid: boolean;
    /** Keys that differ or are missing on the server. */
    differing: string[];
    /** Keys the server has set aside as they are here, with the reason's code. */
    quarantined: {
        key: string;
        code: string;
    }[];
    /** Keys only the server has. */
    onlyOnServer: string[];
    /** How the last run stands against its receipt, from stored bytes; null where there is none or nobody asked. */
    receipt: ReceiptValidation | null;
}
/** One thing that has to be so before a migration; `severity` is what its failing means. */
export interface ReadinessCheck {
    code: string;
    severity: "issue" | "warning" | "ok";
    passed: boolean;
    detail: string;
}
/** Answer of `validateMigrationReadiness`: ready means no issue. */
export interface Readiness {
    ready: boolean;
    issues: ReadinessCheck[];
    warnings: ReadinessCheck[];
    /** All of them, those that passed included: the browser's, then the server's. */
    checks: ReadinessCheck[];
}
export interface SystemHealth {
    healthy: boolean;
    supported: boolean;
    online: boolean;
    breaker: BreakerState;
    secureContext: boolean;
    indexedDB: boolean;
    locks: boolean;
    compression: boolean;
    webSocket: boolean;
    storage: {
        usage: number | null;
        quota: number | null;
        persisted: boolean;
    };
    server: {
        status: string;
        [part: string]: unknown;
    } | null;
}
/** What the browser's storage holds that may travel. */
export interface LocalStatistics {
    itemCount: number;
    /** Bytes, as they would travel uncompressed. */
    storageSize: number;
    /** Room and permanence of the origin's storage; unknown is null and false. */
    usage: number | null;
    quota: number | null;
    persisted: boolean;
}
/** How this browser and the server stand to each other. */
export interface SyncStatus {
    /**
     * `never` migrated; `changed` here since the last receipt; `behind` what other devices wrote; `in_sync`; `unknown`
     * where the storage or the server cannot be asked.
     */
    state?: "never" | "changed" | "behind" | "in_sync" | "unknown";
    /** The owner's revision now, and the one of this browser's last receipt. */
    revision?: number;
    since?: number;
    /** Records other devices wrote since. */
    behind?: number;
    receipt?: Receipt | null;
}
/** Answer of `getMigrationStatistics`. What could not be asked is null. */
export interface MigrationStatistics {
    localStorage: LocalStatistics | null;
    database: DatabaseStatistics | null;
    sync: SyncStatus;
    runs: number;
    completed: number;
    failed: number;
    entries: number;
    bytes: number;
    requests: number;
    retries: number;
    bytesSent: number;
    errors: number;
}
/** Types of dual write: what waits, and what became of it. */
export interface DualWriteOptions {
    /** Time between two exchanges with the server where nothing else asks for one, in ms (default 15000). */
    syncInterval?: number;
    /** Tries of one request before the next exchange has to make it (default 3). */
    maxRetries?: number;
    /** Longest wait after an exchange that failed, in ms (default 30000). */
    retryDelay?: number;
    /** Time between two questions whether dual write is switched on again, in ms (default 60000). */
    healthCheckInterval?: number;
    /** False refuses `install` with the code `dual_write_off` (default true). */
    enableDualWrite?: boolean;
    /**
     * Most keys that may go missing at once and be taken for deleted. The app's own limit on the server stands (without
     * one: half of them); this can only lower it.
     */
    deletionLimit?: number;
    /**
     * What becomes of a guest's data when an account signs in (default `adopt`); `new` accounts are those the server
     * holds nothing of.
     */
    guestAdoption?: AdoptionPolicy | {
        new?: AdoptionPolicy;
        existing?: AdoptionPolicy;
    };
    /** Decides where two devices wrote one key and the collection says INTERACTIVE; undefined leaves it open. */
    onConflict?: (conflict: WriteConflict) => ConflictChoice | void | Promise<ConflictChoice | void>;
    /** Longest wait of `ready`, in ms (default 3000). */
    readyTimeout?: number;
}
/**
 * `adopt`: all of it is sent as the account's; where both hold a key, the collection's conflict policy decides.
 * `merge`: the same, but an entry the account holds to the letter under another key of the collection is dropped here.
 * `never`: it stays the guest's, and is not sent before the page writes it again.
 */
export type AdoptionChoice = "adopt" | "merge" | "never";
/** `ask`: nothing is sent or brought before `takeOver` says which. */
export type AdoptionPolicy = AdoptionChoice | "ask";
/** What the server does not have yet. */
export interface Pending {
    /** Keys whose value here differs from what the server acknowledged. */
    count: number;
    /** Size of their values, in bytes of UTF-8. */
    bytes: number;
    /** When the oldest of them was seen, in ms since 1970. */
    oldest: number | null;
    /** How many of them are missing here all at once: not deleted on the server before somebody says so. */
    missing: number;
    /** Values that are not sent as they are; counted nowhere else, and in nobody's way. */
    refused: {
        key: string;
        reason: string;
    }[];
    /** Why nothing is sent at the moment. */
    paused: string | null;
}
/** What became of a write. */
export interface SettledWrite {
    key: string;
    outcome: "accepted" | "merged" | "conflict" | "refused";
    /** The owner's revision that holds it. */
    revision: number | null;
    reason?: string;
}
/** Two values for one key; null is a deletion, or no base both grew from. */
export interface WriteConflict {
    id: number;
    key: string;
    base: string | null;
    local: string | null;
    remote: string | null;
    /** The device whose value does not stand on the server. */
    who: string | null;
    when: string;
    why: string;
}
/** One of the two, or another value; null deletes. */
export type ConflictChoice = "local" | "remote" | {
    value: string | null;
};
/** Keys the server holds and this storage lacks, too many at once to be taken for deletions. */
export interface Absence {
    keys: string[];
}
/** Types of stages and of reads by them. */
/** Which side answered. */
export interface Answered {
    from: Side;
    /**
     * Why the answer is this browser's: `pending` (the server does not have it yet), `newer_here`, `lease_over`, what kept
     * the server's answer away (`timeout`, `network`, …), or why the stage is not the one requested (`panic`,
     * `no_receipt`, …). Absent where nothing is out of the ordinary.
     */
    reason?: string;
}
export interface ReadAnswer extends Answered {
    value: string | null;
}
export interface ReadAllAnswer extends Answered {
    entries: [key: string, value: string][];
}
/** A stage that holds now for a collection and did not before. */
export interface CollectionStageChange {
    collection: string;
    stage: Stage;
    previous: Stage;
    /** Which side answers reads now. */
    reads: Side;
    /** Why it is not the stage requested, or `as_requested`. */
    reason: string;
}
/** The page's say in the cutover. The operator's stages stand; a page can only hold its own browsers back. */
export interface CutoverOptions {
    /** False: this browser answers all reads, and nothing is compared (default true). */
    enableGradualCutover?: boolean;
    /** Most browsers, in percent, whose reads the server may answer (default 100). Raising it moves no browser back. */
    cutoverPercentage?: number;
}
/** What the server says, in the server's spelling: what a page prints and what the API documents is the same word. */
/** Who wins where two writers changed one record; the loser is always kept on the server. */
export type ConflictResolution = "INTERACTIVE" | "AUTO_SKIP" | "AUTO_OVERWRITE" | "AUTO_MERGE";
/** A named family of keys. A pattern is literal text with `*` for any run of characters. */
export interface CollectionPattern {
    name: string;
    patterns: string[];
}
export type RunState = "planned" | "transferring" | "verifying" | "completed" | "failed" | "expired" | "cancelled" | "rolling_back" | "rolled_back";
/** A run as the server sees it. */
export interface RunSnapshot {
    id: string;
    state: RunState;
    purpose: "migrate" | "backup";
    dry_run: boolean;
    sealed: boolean;
    paused: boolean;
    cancelling: boolean;
    manifest_version: number;
    epoch: string;
    number: number;
    entries: {
        total: number;
        received: number;
        processed: number;
        stored: number;
        unchanged: number;
        superseded: number;
        conflict: number;
        quarantined: number;
        withheld: number;
        deleted: number;
    };
    bytes: {
        total: number;
        received: number;
        processed: number;
    };
    chunks: {
        received: number;
        loaded: number;
    };
    phases: Phases;
    percentage: number;
    entries_per_second: number;
    eta_seconds: number | null;
    success_rate: number;
    errors: {
        code: string;
        detail: string;
        at: string;
    }[];
    mismatch: Record<string, string[]> | null;
    verify_rounds: number;
    receipt: Receipt | null;
    can_rollback: boolean;
    created_at: string;
    finished_at: string | null;
}
/** Each between 0 and 1. They overlap: loading begins while uploading goes on. */
export interface Phases {
    upload: number;
    validation: number;
    backup: number;
    load: number;
    verification: number;
}
/** A set of entries in a receipt. */
export interface ReceiptSet {
    entries: number;
    digest: string;
}
/** The server's signed statement that a manifest is stored and verified. */
export interface Receipt {
    /** Compact JWS; the server's `/api/v1/keys` verifies it. */
    receipt: string;
    statement: {
        iss: "syncserver";
        app: string;
        owner: string;
        device: string;
        run: string;
        purpose: string;
        timeline: string;
        manifest_version: number;
        manifest_digest: string;
        stored: ReceiptSet;
        conflict: ReceiptSet;
        quarantined: ReceiptSet;
        withheld: ReceiptSet;
        revision: number;
        issued_at: string | number;
    };
}
export interface RollbackPoint {
    id: string;
    name: string;
    revision: number;
    run: string | null;
    created_at: string;
}
/** What a rollback would do, without doing it. */
export interface RollbackPreview {
    scope: "run" | "owner";
    can_rollback: boolean;
    reasons: {
        code: string;
        detail: string;
    }[];
    reverted: number;
    kept: {
        key_json: string;
        collection: string;
        revision: number;
    }[];
    kept_count: number;
    deleted: number;
}
export interface Rollback {
    id: string;
    scope: "run" | "owner";
    state: "requested" | "done" | "failed";
    run: string | null;
    point: string | null;
    to_revision: number;
    from_revision: number;
    reverted: number;
    kept: number;
    journaled: number;
    created_at: string;
    finished_at: string | null;
}
export interface Backup {
    id: string;
    run: string;
    created_at: string;
    entries: number;
    bytes: number;
    chunks: number;
    state: "open" | "sealed";
    digest: string;
}
/** What the server holds of one owner. */
export interface DatabaseStatistics {
    revision: number;
    records: number;
    /** Deletions that are remembered. */
    tombstones: number;
    bytes: number;
    collections: {
        name: string;
        records: number;
        bytes: number;
    }[];
}
/** A run held to its receipt: `valid` is false for what no later write and no rollback explains. */
export interface ReceiptValidation {
    run: string;
    checked_at: string;
    valid: boolean;
    backup: {
        readable: boolean;
        as_sealed: boolean;
        entries: number;
        unreadable_chunks: string[];
    };
    receipt: {
        place: "stored" | "conflict" | "quarantined";
        entries: number;
        entries_now: number;
        agrees: boolean;
    }[];
    standing: Record<"stored" | "conflict" | "quarantined" | "written_since" | "rolled_back" | "missing" | "damaged", number>;
    unexplained: {
        key_json: string;
        reason: "missing" | "damaged";
    }[];
}
/** A run's report; the API's own description lists every member. */
export interface MigrationReport {
    generated_at: string;
    run: RunSnapshot;
    [member: string]: unknown;
}
/** Who answers reads and who has the last word on writes. */
export type Stage = "off" | "dual_write" | "shadow" | "ramp" | "server_primary" | "complete";
/** Which of the two sides: this browser's storage, or the server's copy. */
export type Side = "browser" | "server";
/** How values of both sides are compared, and how many. */
export interface CompareRules {
    /** Share of reads that are compared, between 0 and 1. */
    rate: number;
    /** JSON pointers of members that are not compared. */
    ignore: string[];
    /** `json`: order of members and white space mean nothing. */
    comparator: "exact" | "json";
}
/** The stage of one collection as it holds for the asking device; the collection `""` is all others. */
export interface StageLine {
    collection: string;
    requested: Stage;
    /** Share of the owners whose reads the server answers in `ramp`, in hundredths of a percent. */
    percentage: number;
    /** The stage that holds. */
    stage: Stage;
    /** Why it is not the one requested, or `as_requested`. */
    reason: string;
    reads: Side;
    compare: CompareRules | null;
}
/** What the server tells about the app. */
export interface ServerConfig {
    app: string;
    epoch: string;
    namespace: string;
    /** The stage of the collection `""`. */
    stage: Stage;
    stages: StageLine[];
    /** Everybody reads the browser. */
    panic: boolean;
    collections: (CollectionPattern & {
        conflict_policy?: ConflictResolution;
    })[];
    exclude: string[];
    allow_sensitive: string[];
    guests: boolean;
    limits: {
        /** Most keys that may go missing at once and be taken for deleted; 0: half of them. */
        deletions: number;
        chunk_bytes: number;
        inflated_bytes: number;
        chunk_entries: number;
        entry_bytes: number;
        single_entry_bytes: number;
        create_bytes: number;
        /** How long a browser that hears nothing may pass its copy for the server's. */
        lease_seconds?: number;
    };
    version: string;
    timeline: string;
}
/** Makes a client. Nothing is read, sent or kept before one of its calls. */
export declare const createMigrationClient: (options: MigrationClientOptions) => MigrationClient;
