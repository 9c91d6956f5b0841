import { now } from "./pace.js";
import { backoff } from "./retry.js";
import type { BreakerState } from "./types.js";

/**
 * One gate for all requests of a client: `closed → open → half_open → closed`. While it is open nobody
 * asks; half open, one request probes and the others wait for what it finds.
 */
export interface Breaker {
  _state(): BreakerState;
  /** Milliseconds until a request may go out; 0 lets the caller through. */
  _delay(): number;
  /** True when the gate was not closed: those who wait may go. */
  _success(): boolean;
  /** `hold` is the wait the server asked for; nobody goes before it is over. */
  _failure(hold?: number): void;
}

const FAILURES_TO_OPEN = 5;
// A probe that never ends must not lock the gate.
const PROBE_MS = 30_000;
const HOLD_JITTER_MS = 1000;

export const createBreaker = (): Breaker => {
  let state: BreakerState = "closed";
  let failures = 0;
  let reopens = 0;
  let heldUntil = 0;
  return {
    _state: () => state,
    _delay() {
      const wait = Math.max(heldUntil, reopens) - now();
      if (wait > 0) return wait;
      if (state !== "closed") {
        state = "half_open";
        reopens = now() + PROBE_MS;
      }
      return 0;
    },
    _success() {
      const waiting = state !== "closed";
      state = "closed";
      failures = reopens = 0;
      return waiting;
    },
    _failure(hold) {
      if (hold !== undefined) heldUntil = Math.max(heldUntil, now() + hold + Math.random() * HOLD_JITTER_MS);
      if (++failures >= FAILURES_TO_OPEN) {
        state = "open";
        reopens = now() + backoff(failures);
      }
    },
  };
};
