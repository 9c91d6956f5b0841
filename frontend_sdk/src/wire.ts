/** What the server says, in the server's spelling: what a page prints and what the API documents is the same word. */

/** Who wins where two writers changed one record; the loser is always kept on the server. */
export type ConflictResolution = "INTERACTIVE" | "AUTO_SKIP" | "AUTO_OVERWRITE" | "AUTO_MERGE";

/** A named family of keys. A pattern is literal text with `*` for any run of characters. */
export interface CollectionPattern {
  name: string;
  patterns: string[];
}

export type RunState =
  | "planned"
  | "transferring"
  | "verifying"
  | "completed"
  | "failed"
  | "expired"
  | "cancelled"
  | "rolling_back"
  | "rolled_back";

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
  bytes: { total: number; received: number; processed: number };
  chunks: { received: number; loaded: number };
  phases: Phases;
  percentage: number;
  entries_per_second: number;
  eta_seconds: number | null;
  success_rate: number;
  errors: { code: string; detail: string; at: string }[];
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
  reasons: { code: string; detail: string }[];
  reverted: number;
  kept: { key_json: string; collection: string; revision: number }[];
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
  collections: { name: string; records: number; bytes: number }[];
}

/** A run held to its receipt: `valid` is false for what no later write and no rollback explains. */
export interface ReceiptValidation {
  run: string;
  checked_at: string;
  valid: boolean;
  backup: { readable: boolean; as_sealed: boolean; entries: number; unreadable_chunks: string[] };
  receipt: { place: "stored" | "conflict" | "quarantined"; entries: number; entries_now: number; agrees: boolean }[];
  standing: Record<
    "stored" | "conflict" | "quarantined" | "written_since" | "rolled_back" | "missing" | "damaged",
    number
  >;
  unexplained: { key_json: string; reason: "missing" | "damaged" }[];
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
  collections: (CollectionPattern & { conflict_policy?: ConflictResolution })[];
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
