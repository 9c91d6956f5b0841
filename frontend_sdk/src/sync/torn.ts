import { readItem } from "../area.js";
import { printOf, TORN_MS, type Row } from "./acks.js";
import type { Standing } from "./exchange.js";
import { recall } from "./restart.js";

/**
 * Torn writes: a browser that dies may lose the last seconds of localStorage and keep what IndexedDB says of them. What
 * then stands here looks like a new write back to a former value, and must not be sent as one.
 */

/**
 * After the browser died, last `alive` then: a torn value counts as acknowledged, a revision too early, so that the
 * server's comes down again.
 */
export const recover = async (standing: Standing, alive: number): Promise<void> => {
  const { _acks: acks, _host } = standing;
  const rows: Row[] = [];
  for (const [key, [print, previous, at, revision]] of acks._rows()) {
    if (at < alive - TORN_MS) continue;
    const stands = await printOf(readItem(_host._area, key));
    if (stands !== print && previous.has(stands)) rows.push([key, [stands, new Map(), at, revision - 1]]);
  }
  await recall(standing, rows);
};
