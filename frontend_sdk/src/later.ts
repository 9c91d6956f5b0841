/**
 * Names that belong to the cutover, which is not there yet. Whoever uses one is told so by the
 * code `not_yet`; everything else goes on as if it had not been said.
 */
export const NOT_YET = "not_yet" as const;

const OPTIONS = ["enableGradualCutover", "cutoverPercentage"] as const;

/** The options that are refused, with the type each will have. */
export type OptionNotYet = (typeof OPTIONS)[number];

/** The refused options among those given, by name. An option set to `undefined` was not given. */
export const refusedOptions = (given: object): OptionNotYet[] =>
  OPTIONS.filter((name) => (given as Record<string, unknown>)[name] !== undefined);
