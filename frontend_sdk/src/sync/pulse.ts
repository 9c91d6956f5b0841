import type { Store } from "../store.js";

/** The leading page's sign of life: where the last one was not taken back, the browser has died. */
export interface Pulse {
  /** When the page that died was last alive; undefined or false where none did. */
  _died(): Promise<number | undefined | false>;
  _beat(): Promise<void>;
  /** The page ends in peace. */
  _rest(): void;
}

const ALIVE = "alive";
const BEAT_MS = 5000;
// A page that is still there after so long lives on: nobody leaves one and is back sooner.
const ENDS_MS = 100;

// Not the only word on when the page began: what a machine sleeps through, its pages' own clocks leave out.
const BEGAN = Date.now();

export const createPulse = (store: Store): Pulse => {
  let beaten = 0;
  return {
    async _died() {
      const alive = await store._get<number>(ALIVE);
      // A sign of life from before this page began may be another page's last one.
      return alive! < Math.min(BEGAN, Date.now() - performance.now()) && alive;
    },
    async _beat() {
      // A clock that was set back must not silence it.
      if (Math.abs(Date.now() - beaten) < BEAT_MS) return;
      beaten = Date.now();
      await store._update(ALIVE, Date.now);
    },
    _rest() {
      // What was never said need not be taken back, and what another page said stays until it was looked into.
      if (beaten) store._forget(ALIVE);
      // The exchange that begins while the page ends does not say that it lives; one of a page that lives on all the
      // same does.
      beaten = Date.now() - BEAT_MS + ENDS_MS;
    },
  };
};
