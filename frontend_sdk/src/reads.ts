/** Types of stages and of reads by them. */
import type { Side, Stage } from "./wire.js";

/** Which side answered. */
export interface Answered {
  from: Side;
  /**
   * Why the answer is this browser's: `pending` (the server does not have it yet), `newer_here`, `lease_over`, what kept
   * the server's answer away (`timeout`, `network`, …), or why the stage is not the one requested (`panic`,
   * `no_receipt`, …). Absent where nothing is out of the ordinary.
   */
  reason?: string;
}

export interface ReadAnswer extends Answered {
  value: string | null;
}

export interface ReadAllAnswer extends Answered {
  entries: [key: string, value: string][];
}

/** A stage that holds now for a collection and did not before. */
export interface CollectionStageChange {
  collection: string;
  stage: Stage;
  previous: Stage;
  /** Which side answers reads now. */
  reads: Side;
  /** Why it is not the stage requested, or `as_requested`. */
  reason: string;
}

/** The page's say in the cutover. The operator's stages stand; a page can only hold its own browsers back. */
export interface CutoverOptions {
  /** False: this browser answers all reads, and nothing is compared (default true). */
  enableGradualCutover?: boolean;
  /** Most browsers, in percent, whose reads the server may answer (default 100). Raising it moves no browser back. */
  cutoverPercentage?: number;
}
