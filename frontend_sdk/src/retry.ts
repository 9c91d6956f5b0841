/** When to try again: as late as the server asks, otherwise spread at random so that clients do not march in step. */

const BASE_MS = 500;
const CAP_MS = 30_000;
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** Exponential with full jitter; the first try after a failure is number 1. */
export const backoff = (failures: number): number => Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** failures);

/**
 * The wait a `Retry-After` asks for, in ms: seconds or a date, capped at an hour; `undefined` where it
 * makes no sense.
 */
export const retryAfter = (header: any): number | undefined => {
  const ms = /^\s*\d+\s*$/.test(header) ? header * 1000 : Date.parse(header) - Date.now();
  return ms >= 0 ? Math.min(ms, LONGEST_RETRY_AFTER_MS) : undefined;
};

/** Statuses that say nothing about the request itself. 0 stands for no answer. */
export const isTransient = (status: number): boolean => !status || status === 408 || status === 429 || status >= 500;

/** The same question of a code. */
export const isPassing = (code: string): boolean => /^(network|unavailable|rate_limited)$/.test(code);
