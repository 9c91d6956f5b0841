import type { Position } from "./receive.js";
import type { Row } from "./acks.js";
import type { Standing } from "./exchange.js";

/** Taking the acknowledged table back: what was believed of the server is no longer so. */

/** Begins anew from the given rows and nothing else; what has none is learned, and its absence means nothing. */
export const restart = async (standing: Standing, position: Partial<Position>, rows: Row[] = []): Promise<void> => {
  // What the server asked somebody to decide, it may not know of any more; rows that still wait are held again below.
  const { _held: held } = standing._outbox;
  for (const [key, [, reason]] of held) if (reason === "conflict") held.delete(key);
  const forgotten = standing._acks._rows().map(([key]): Row => [key, undefined]);
  // First the table, then for whom it holds: a crash in between only begins anew once more.
  await standing._keep([...forgotten, ...rows]);
  Object.assign(standing._position, { cursor: 0 }, position);
  standing._rumour(Infinity);
  standing._outbox._doubt(null);
  await standing._keepPosition();
};

/** Takes rows back to an earlier word of the server's; what it says since then comes down again. */
export const recall = async (standing: Standing, rows: Row[]): Promise<void> => {
  if (!rows.length) return;
  const { _position: position } = standing;
  position.cursor = Math.max(0, Math.min(position.cursor, ...rows.map(([, ack]) => ack?.[3] ?? 0)));
  standing._rumour(Infinity);
  // First where to look again, then what for: a crash in between only looks once too often.
  await standing._keepPosition();
  await standing._keep(rows);
};
