import { matcher } from "./collections.js";
import { maybeSecret } from "./suspicion.js";
import type { MigrationClientOptions, ServerConfig, WithheldEntry } from "./types.js";

/** Decides about one pair: undefined lets it travel. To be awaited, since long values take pauses. */
export type Judge = (key: string, value: string) => Promise<WithheldEntry | undefined>;

/** `fetchRules` yields what knows the secret rules; asked only about pairs that look as if one might hold. */
export const createJudge = (
  options: MigrationClientOptions,
  config: ServerConfig | undefined,
  fetchRules: () => Promise<Judge>,
): Judge => {
  const excluded = matcher([...(options.exclude ?? []), ...(config?.exclude ?? [])]);
  return async (key, value) => {
    if (excluded(key)) return { key, rule: "excluded", why: "excluded" };
    return maybeSecret(key, value) ? (await fetchRules())(key, value) : undefined;
  };
};
