import { labeller } from "../collections.js";
import type { CollectionPattern, MigrationClientOptions, ServerConfig, StageLine } from "../types.js";

/** Which stage holds for a key of this browser's: the server's word, and the page's own limits. Pure. */

/** Why a stage is not the server's: the page's own options hold it back. */
const BY_PAGE = "page_setting";

export interface Lines {
  _of(key: string): StageLine;
  /** The stage of a collection by its name. */
  _named(collection: string): StageLine;
  _all: StageLine[];
  /** Declared collections, the server's first. */
  _declared: CollectionPattern[];
}

const NOTHING_KNOWN: StageLine = {
  collection: "",
  requested: "dual_write",
  percentage: 0,
  stage: "dual_write",
  reason: "not_ready",
  reads: "browser",
  compare: null,
};

/** Hundredths of a percent of all browsers that this one comes after; the same for ever, so that raising moves none back. */
const placeOf = (device: string): number => parseInt(device, 16) % 10_000;

/** A page may hold its own browsers back, never push them on. */
const limited = (line: StageLine, device: string, options: MigrationClientOptions): StageLine => {
  const { enableGradualCutover, cutoverPercentage = 100 } = options;
  if (enableGradualCutover === false && (line.reads === "server" || line.compare))
    return { ...line, stage: "dual_write", reads: "browser", compare: null, reason: BY_PAGE };
  if (line.reads === "server" && placeOf(device) >= cutoverPercentage * 100)
    return { ...line, stage: "shadow", reads: "browser", reason: BY_PAGE };
  return line;
};

/** `device` begins with eight random hexadecimal digits. */
export const readLines = (
  config: ServerConfig | undefined,
  device: string,
  options: MigrationClientOptions,
): Lines => {
  const _all = (config?.stages ?? []).map((line) => limited(line, device.slice(0, 8), options));
  const _declared = [...(config?.collections ?? []), ...(options.collections ?? [])];
  const label = labeller(_declared);
  const find = (name: string) => _all.find(({ collection }) => collection === name);
  const _named = (name: string) => find(name) ?? find("") ?? NOTHING_KNOWN;
  return { _of: (key) => _named(label(key)), _named, _all, _declared };
};
