import type { Store } from "../store.js";

/** The leading page's sign of life: where the last one was not taken back, the browser has died. */
export interface Pulse {
  /** When the page that died was last alive; undefined where none did. */
  _died(): Promise<number | undefined>;
  _beat(): Promise<void>;
  /** The page ends in peace, or lives on all the same. */
  _rest(ends: boolean): void;
}

const ALIVE = "alive";
const BEAT_MS = 5000;

export const createPulse = (store: Store): Pulse => {
  let beaten = 0;
  const say = (at: number | undefined) => store._update<number | undefined>(ALIVE, () => at);
  return {
    async _died() {
      const alive = await store._get<number>(ALIVE);
      // A sign of life from before this page began may be another page's last one.
      return alive && alive < Date.now() - performance.now() ? alive : undefined;
    },
    async _beat() {
      const now = Date.now();
      // A clock that was set back must not silence it.
      if (Math.abs(now - beaten) < BEAT_MS) return;
      beaten = now;
      await say(now);
    },
    _rest(ends) {
      // What was never said need not be taken back, and what another page said stays until it was looked into.
      if (ends && beaten) void say(undefined);
      // The exchange that begins while the page ends does not say that it lives; the next one after that does at once.
      beaten &&= ends ? Date.now() : 1;
    },
  };
};
