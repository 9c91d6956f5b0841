import { matcher } from "./collections.js";
import { createSecretFinder } from "./secrets.js";
import type { MigrationClientOptions, ServerConfig, WithheldEntry } from "./types.js";

/** Decides about one pair: undefined lets it travel. To be awaited, since long values take pauses. */
export type Judge = (key: string, value: string) => Promise<WithheldEntry | undefined>;

export const createJudge = (options: MigrationClientOptions, config?: ServerConfig): Judge => {
  const excluded = matcher([...(options.exclude ?? []), ...(config?.exclude ?? [])]);
  const allowed = matcher([...(options.allowSensitive ?? []), ...(config?.allow_sensitive ?? [])]);
  const find = createSecretFinder();
  return async (key, value) => {
    if (excluded(key)) return { key, rule: "excluded", why: "excluded" };
    const found = allowed(key) ? undefined : await find(key, value);
    return found && { key, rule: found.id, why: found.why };
  };
};
