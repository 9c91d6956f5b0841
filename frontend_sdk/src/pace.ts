/** Keeps the page's main thread free, and lets waiting be cut short. */

// A frame is 16 ms; half of two leaves the page room even where one step of ours is a large value.
const SLICE_MS = 12;

let sliceStarted = 0;

export const now = (): number => performance.now();

/** Hands the thread back. A message port is not throttled in hidden tabs as timers are. */
const yieldThread = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      sliceStarted = now();
      resolve();
    };
    port2.postMessage(0);
  });

/** To be awaited in every loop over entries: yields when the slice is used up. */
export const breathe = (): Promise<void> | undefined => (now() - sliceStarted > SLICE_MS ? yieldThread() : undefined);

/** Sleeping that can be cut short for everybody at once: every sleeper looks again at why it slept. */
export interface Sleep {
  (ms: number): Promise<void>;
  _wake(): void;
}

export const createSleep = (): Sleep => {
  const sleepers = new Set<() => void>();
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      sleepers.add(wake);
    });
  return Object.assign(sleep, { _wake: () => [...sleepers].forEach((wake) => wake()) });
};
