import { readItem } from "../area.js";
import type { Store } from "../store.js";
import { printOf, TORN_MS, type Acks, type Row } from "./acks.js";

/**
 * Torn writes: a browser that dies may lose the last seconds of localStorage and keep what IndexedDB says of them. What
 * then stands here looks like a new write back to a former value, and must not be sent as one.
 */

const ALIVE = "alive";
const BEAT_MS = 5000;

/** When this page began: a sign of life from before it may be another page's last one. */
const born = (): number => Date.now() - performance.now();

/**
 * The rows to be taken back after an unclean end: the present value counts as acknowledged, a revision too early, so
 * that the server's comes down again.
 */
export const findTorn = async (store: Store, acks: Acks, area: Storage): Promise<Row[]> => {
  const alive = await store._get<number>(ALIVE);
  if (!alive || alive >= born()) return [];
  const rows: Row[] = [];
  for (const [key, [print, previous, at, revision]] of acks._rows()) {
    if (at < alive - TORN_MS) continue;
    const stands = await printOf(key, readItem(area, key));
    if (stands !== print && previous.includes(stands)) rows.push([key, [stands, [], at, revision - 1]]);
  }
  return rows;
};

/** Says from time to time that the leading page lives, and in the end that it ended in peace. */
export const createPulse = (store: Store) => {
  let beaten = 0;
  return {
    async _beat() {
      const now = Date.now();
      if (now - beaten < BEAT_MS) return;
      beaten = now;
      await store._update<number | undefined>(ALIVE, () => now);
    },
    _rest() {
      // A page that lives on all the same says so later.
      beaten = Date.now();
      return store._update<number | undefined>(ALIVE, () => undefined);
    },
  };
};
