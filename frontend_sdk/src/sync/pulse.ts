import type { Store } from "../store.js";

/** The leading page's sign of life: where the last one was not taken back, the browser has died. */
export interface Pulse {
  /** When the page that died was last alive; undefined where none did. */
  _died(): Promise<number | undefined>;
  _beat(): Promise<void>;
  /** The page ends in peace. */
  _rest(): void;
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
      if (now - beaten < BEAT_MS) return;
      beaten = now;
      await say(now);
    },
    _rest() {
      // What was never said need not be taken back, and what another page said stays until it was looked into.
      if (!beaten) return;
      // A page that lives on all the same says so later.
      beaten = Date.now();
      void say(undefined);
    },
  };
};
