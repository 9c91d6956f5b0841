/** What the SDK found out: answers about the storage, the server, and how they stand to each other. */
import type { BreakerState } from "./types.js";
import type { DatabaseStatistics, Receipt, ReceiptValidation } from "./wire.js";

/** Answer of `validateMigration`. */
export interface Validation {
  /** True when the server has every entry the browser would send as it is here, and the receipt still holds. */
  valid: boolean;
  /** Keys that differ or are missing on the server. */
  differing: string[];
  /** Keys the server has set aside as they are here, with the reason's code. */
  quarantined: { key: string; code: string }[];
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
  storage: { usage: number | null; quota: number | null; persisted: boolean };
  server: { status: string; [part: string]: unknown } | null;
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
