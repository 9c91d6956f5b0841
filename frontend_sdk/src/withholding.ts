import { matcher } from "./collections.js";
import type { Judge } from "./judge.js";
import { createSecretFinder } from "./secrets.js";
import type { MigrationClientOptions, ServerConfig } from "./types.js";

/** What withholds secrets, but for those page or app allow. `config` yields the app's once it is known. */
export const createSecretJudge = (
  { allowSensitive = [] }: MigrationClientOptions,
  config: () => ServerConfig | undefined,
): Judge => {
  const find = createSecretFinder();
  return async (key, value) => {
    if (matcher([...allowSensitive, ...(config()?.allow_sensitive ?? [])])(key)) return;
    const found = await find(key, value);
    return found && { key, rule: found.id, why: found.why };
  };
};
