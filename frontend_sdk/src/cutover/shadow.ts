import { readAll, readItem } from "../area.js";
import { breathe } from "../pace.js";
import type { View } from "../sync/tab.js";
import type { CompareRules } from "../types.js";
import { askKeys, type Held } from "./asking.js";
import type { Base } from "./base.js";
import { agree } from "./comparing.js";
import { isUnsent } from "./reading.js";
import type { MismatchReason, Reports } from "./reports.js";

/**
 * Compares samples of what is here with the server's copy, after the page has had its answer and while it is visible
 * and idle. Nothing of it ever reaches the page.
 */
export interface Shadow {
  /** Keys the page has read: a share of them is compared, by their collections' rules. */
  _consider(keys: string[]): void;
  /** Compares a share of all keys now and then, since a page's own reads of its storage are heard by nobody. */
  _sweep(): void;
}

// At once, so that neither side has to carry much.
const MOST_AT_ONCE = 50;
const MOST_WAITING = 500;
const IDLE_MS = 2000;
const SWEEP_MS = 600_000;
const SWEPT = "swept";

/** When the page is idle; where the browser does not say, after a while. */
const idle = (work: () => void): void => {
  const { requestIdleCallback } = globalThis as Partial<typeof globalThis>;
  if (requestIdleCallback) requestIdleCallback(work, { timeout: IDLE_MS });
  else setTimeout(work, 50);
};

const isHidden = (): boolean => globalThis.document?.visibilityState === "hidden";

export const createShadow = (base: Base, reports: Reports): Shadow => {
  const waiting = new Set<string>();
  /** Keys whose server's copy was newer than the one here, and how new. */
  const behind = new Map<string, number>();
  let working = false;

  const rulesOf = (key: string): CompareRules | null => base._lines()._of(key).compare;

  const take = (keys: Iterable<string>): void => {
    for (const key of keys) {
      const rules = rulesOf(key);
      if (rules && waiting.size < MOST_WAITING && Math.random() < rules.rate) waiting.add(key);
    }
    if (waiting.size) soon();
  };

  /** What one comparison found. `before` is what stood here when the server was asked. */
  const judge = async (view: View, area: Storage, key: string, before: string | null, [server, revision]: Held) => {
    const { collection, compare: rules } = base._lines()._of(key);
    if (!rules) return;
    // Where the rules of secrets cannot be fetched, nothing is told.
    const tell = (reason: MismatchReason) =>
      reports._mismatch({ collection, key, reason, local: before, server }).catch(() => {});
    // What does not even agree with itself says nothing of the server's copy.
    if (readItem(area, key) !== before || (await isUnsent(view, area, key))) {
      reports._count(collection, { compared: 1, noise: 1 });
      return;
    }
    if (agree(before, server, rules)) {
      behind.delete(key);
      reports._count(collection, { compared: 1, agreed: 1 });
      return;
    }
    // A newer word may still be on its way down: only one that does not come makes a difference.
    if (revision > (view._acks._get(key)?.[3] ?? 0) && behind.get(key) !== revision) {
      behind.set(key, revision);
      view._kick();
      await tell("noise");
      reports._count(collection, { compared: 1, noise: 1 });
      setTimeout(() => (waiting.add(key), soon()), IDLE_MS);
      return;
    }
    await tell(before === null ? "absent_local" : server === null ? "absent_server" : "differs");
    reports._count(collection, { compared: 1 });
  };

  const compare = async (view: View, area: Storage, keys: string[]): Promise<void> => {
    const before = new Map<string, string | null>();
    for (const key of keys) {
      await breathe();
      if (!(await isUnsent(view, area, key))) before.set(key, readItem(area, key));
    }
    if (!before.size) return;
    const asked = [...before.keys()];
    const collections = new Set(asked.map((key) => base._lines()._of(key).collection));
    const began = performance.now();
    try {
      const held = await askKeys(await base._open(), asked);
      const ms = performance.now() - began;
      for (const name of collections) reports._count(name, {}, ms);
      for (const [key, value] of before) {
        await breathe();
        await judge(view, area, key, value, held.get(key)!);
      }
    } catch {
      for (const key of asked) reports._count(base._lines()._of(key).collection, { errors: 1 });
    }
  };

  const work = async (): Promise<void> => {
    const view = (await base._open())._view;
    if (base._signal.aborted || !view) return;
    // It is looked at again when the next key is considered.
    if (isHidden() || globalThis.navigator?.onLine === false) return;
    const keys = [...waiting].slice(0, MOST_AT_ONCE);
    for (const key of keys) waiting.delete(key);
    await compare(view, base._supported(), keys);
  };

  const soon = (): void => {
    if (working || base._signal.aborted) return;
    working = true;
    idle(() => {
      void work()
        .catch(() => {})
        .finally(() => {
          working = false;
          if (waiting.size && !isHidden()) soon();
        });
    });
  };

  const sweep = async (): Promise<void> => {
    const { _store } = await base._open();
    const now = Date.now();
    let mine = false;
    // One tab of this browser at a time.
    await _store._update<number>(SWEPT, (last = 0) => {
      mine = now - last >= SWEEP_MS || last > now;
      return mine ? now : last;
    });
    if (mine) take((await readAll(base._supported())).keys());
  };

  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = (): void => {
    timer = undefined;
    if (base._signal.aborted || !base._lines()._all.some(({ compare: rules }) => rules)) return;
    timer = setTimeout(turn, SWEEP_MS);
    if (!isHidden()) idle(() => void sweep().catch(() => {}));
  };
  base._signal.addEventListener("abort", () => clearTimeout(timer));

  return { _consider: take, _sweep: () => timer ?? turn() };
};
