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
  guestAdoption?: AdoptionPolicy | { new?: AdoptionPolicy; existing?: AdoptionPolicy };
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
  refused: { key: string; reason: string }[];
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
export type ConflictChoice = "local" | "remote" | { value: string | null };

/** Keys the server holds and this storage lacks, too many at once to be taken for deletions. */
export interface Absence {
  keys: string[];
}
