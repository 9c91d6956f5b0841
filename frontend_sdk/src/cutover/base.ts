import type { Core } from "../host.js";
import type { Lines } from "./lines.js";

/** What the parts of the cutover stand on. */
export interface Base extends Core {
  _lines(): Lines;
  /** True while this browser has heard from the server lately enough to pass its copy for the server's. */
  _leased(): Promise<boolean>;
  /** Aborted when the client ends. */
  _signal: AbortSignal;
}
