import type { Pending } from "../types.js";
import type { Outbox } from "./outbox.js";

/** What the server does not have yet, as the page is told of it. */
export const pendingOf = (outbox: Outbox | undefined, paused: string | null): Pending => {
  let bytes = 0;
  let oldest: number | null = null;
  for (const { _print, _since } of outbox?._waiting.values() ?? []) {
    bytes += parseInt(_print) || 0;
    oldest = Math.min(oldest ?? _since, _since);
  }
  return {
    count: outbox?._waiting.size ?? 0,
    bytes,
    oldest,
    missing: outbox?._missing().length ?? 0,
    refused: [...(outbox?._held ?? [])].map(([key, [, reason]]) => ({ key, reason })),
    paused,
  };
};
