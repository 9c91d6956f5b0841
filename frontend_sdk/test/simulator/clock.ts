/**
 * Time that passes only when it is told to. Everything that happens is an event of this queue: timers, answers,
 * transactions, news between tabs. Between two of them all promises run dry, as between two tasks of a browser.
 */

// A seed has some ten thousand.
const MOST_EVENTS = 150_000;

/** Whoever an event is for; what comes for the dead is dropped. */
export interface Living {
  alive: boolean;
  /** Its machine sleeps: what comes before is for the moment it wakes. */
  asleepUntil?: number;
}

export interface Appointment {
  at: number;
  order: number;
  work: (() => void) | undefined;
  living: Living | undefined;
}

const nextTask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const isEarlier = (one: Appointment, other: Appointment): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);

export class Clock {
  /** Milliseconds since the world began. */
  now = 0;
  #order = 0;
  #happened = 0;
  readonly #queue: Appointment[] = [];

  after(ms: number, work: () => void, living?: Living): Appointment {
    const then = this.now + Math.max(0, ms);
    // So little that the sum swallows it: time passes all the same.
    const made = { at: ms > 0 && then === this.now ? then + 1 : then, order: this.#order++, work, living };
    this.#queue.push(made);
    this.#rise(this.#queue.length - 1);
    return made;
  }

  /** Lets time pass, and all happen that falls into it. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await nextTask();
    while (this.#queue[0] && this.#queue[0].at <= until) {
      const { at, work, living } = this.#take();
      if (++this.#happened > MOST_EVENTS) throw new Error("it goes round and round");
      // Time that was slept through is not had again.
      this.now = Math.max(this.now, at);
      if (!work || living?.alive === false) continue;
      if ((living?.asleepUntil ?? 0) > this.now) {
        this.after(living!.asleepUntil! - this.now, work, living);
        continue;
      }
      work();
      await nextTask();
    }
    this.now = until;
  }

  /** Time passes and nobody notices: whatever was due is late. */
  sleepThrough(ms: number): void {
    this.now += ms;
  }

  #take(): Appointment {
    const first = this.#queue[0]!;
    const last = this.#queue.pop()!;
    if (this.#queue.length) {
      this.#queue[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(at: number): void {
    for (let parent = (at - 1) >> 1; at > 0 && this.#swap(at, parent); parent = (at - 1) >> 1) at = parent;
  }

  #sink(at: number): void {
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const [one, other] = [this.#queue[left], this.#queue[right]];
      const child = other && isEarlier(other, one!) ? right : left;
      if (!one || !this.#swap(child, at)) return;
      at = child;
    }
  }

  /** Puts the lower one above where it is the earlier one. */
  #swap(lower: number, upper: number): boolean {
    const [one, other] = [this.#queue[lower]!, this.#queue[upper]!];
    if (!isEarlier(one, other)) return false;
    [this.#queue[lower], this.#queue[upper]] = [other, one];
    return true;
  }
}
