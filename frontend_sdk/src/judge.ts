import { matcher } from "./collections.js";
import { maybeSecret } from "./suspicion.js";
import type { SecretFinder } from "./secrets.js";
import type { MigrationClientOptions, ServerConfig, WithheldEntry } from "./types.js";

/** Decides about one pair: undefined lets it travel. To be awaited, since long values take pauses. */
export type Judge = (key: string, value: string) => Promise<WithheldEntry | undefined>;

/** `finder` fetches the secret rules; asked only about pairs that look as if they might be one. */
export const createJudge = (
  options: MigrationClientOptions,
  config: ServerConfig | undefined,
  finder: () => Promise<SecretFinder>,
): Judge => {
  const excluded = matcher([...(options.exclude ?? []), ...(config?.exclude ?? [])]);
  const allowed = matcher([...(options.allowSensitive ?? []), ...(config?.allow_sensitive ?? [])]);
  return async (key, value) => {
    if (excluded(key)) return { key, rule: "excluded", why: "excluded" };
    if (allowed(key) || !(await maybeSecret(key, value))) return;
    const found = await (await finder())(key, value);
    return found && { key, rule: found.id, why: found.why };
  };
};
