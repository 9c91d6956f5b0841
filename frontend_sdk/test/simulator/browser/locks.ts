import type { Clock, Living } from "../clock.js";

/** Web Locks of one origin: who asked first holds it first, and the dead hold nothing. */

type Work = (lock: object | null) => unknown;
interface Request {
  tab: Living;
  give(): void;
}

// Measured between closing a tab and the next one holding its lock.
const HANDOVER_MS = 28;

export class Locks {
  readonly #queues = new Map<string, Request[]>();

  constructor(readonly clock: Clock) {}

  of(tab: Living) {
    const request = (name: string, options: { ifAvailable?: boolean; signal?: AbortSignal }, work: Work) =>
      new Promise<unknown>((resolve, reject) => {
        const queue = this.#queues.get(name) ?? [];
        this.#queues.set(name, queue);
        if (options.ifAvailable && queue.length) return resolve(work(null));
        const mine: Request = {
          tab,
          give: () =>
            void Promise.resolve()
              .then(() => work({ name }))
              .then(resolve, reject)
              .finally(() => this.#release(name, mine)),
        };
        queue.push(mine);
        if (queue[0] === mine) this.clock.after(0, mine.give, tab);
        const giveUp = () => {
          if (queue[0] === mine) return;
          queue.splice(queue.indexOf(mine), 1);
          reject(new DOMException("aborted", "AbortError"));
        };
        if (queue[0] !== mine) options.signal?.addEventListener("abort", giveUp, { once: true });
      });
    return { request };
  }

  /** Lets go of whatever a tab held or waited for. */
  bury(tab: Living): void {
    for (const queue of this.#queues.values()) {
      const [holder] = queue;
      const left = queue.filter((request) => request.tab !== tab);
      queue.splice(0, queue.length, ...left);
      if (holder?.tab === tab && left[0]) this.clock.after(HANDOVER_MS, left[0].give, left[0].tab);
    }
  }

  #release(name: string, request: Request): void {
    const queue = this.#queues.get(name)!;
    if (queue[0] !== request) return;
    queue.shift();
    if (queue[0]) this.clock.after(0, queue[0].give, queue[0].tab);
  }
}
