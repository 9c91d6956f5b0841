import type { Pending } from "../types.js";

/** How the outbox stands, as the server is told: whoever steers the cutover waits for old writes to arrive. */
export const beacon = ({ count, bytes, oldest, refused }: Pending) => ({
  count,
  bytes,
  oldest_seconds: oldest === null ? 0 : (Date.now() - oldest) / 1000,
  errors: refused.length,
});
