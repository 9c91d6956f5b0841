import { createHash } from "node:crypto";

/** Stages, from semantics 7: what is requested of a collection, what of it holds for a device of an owner, and why. */

export const ROAD = ["off", "dual_write", "shadow", "ramp", "server_primary", "complete"] as const;
export type Stage = (typeof ROAD)[number];

/** What is asked for one collection; the share of the owners a ramp serves is in basis points. */
export interface Asked {
  stage: Stage;
  percentage: number;
}

export type Move = "advance" | "step_back" | "set_percentage" | "complete" | "compare" | "panic" | "release_panic";

/** What is known of a device and its owner when a stage is asked about. */
export interface Circumstances {
  bucket: number;
  hasReceipt: boolean;
  ownerOff: boolean;
}

export interface Held {
  stage: Stage;
  reason: string;
}

export const WHOLE = 10_000;
/** All collections without a stage of their own. */
export const REST = "";
const FIRST_SHARE = 100;
const COMPARE = { rate: 0.1, ignore: [], comparator: "exact" };

const placeOf = (stage: Stage): number => ROAD.indexOf(stage);

export const readsServer = (stage: Stage): boolean => placeOf(stage) >= placeOf("ramp");

/** An owner's place among all of them, the same for ever: raising a share never moves anybody back. */
export const bucketOf = (owner: string, salt: string): number =>
  createHash("sha256").update(`${salt}/${owner}`).digest().readUInt32BE() % WHOLE;

/** Where a collection stands after a move; undefined for one that is not legal from here. */
export const moved = ({ stage, percentage }: Asked, move: Move, share?: number): Asked | undefined => {
  const next = ROAD[placeOf(stage) + 1];
  const before = ROAD[placeOf(stage) - 1];
  switch (move) {
    case "advance":
      if (!next || next === "complete" || (stage === "ramp" && percentage < WHOLE)) return undefined;
      return { stage: next, percentage: next === "ramp" ? (share ?? FIRST_SHARE) : readsServer(next) ? WHOLE : 0 };
    case "step_back":
      return before && stage !== "complete" ? { stage: before, percentage: before === "ramp" ? WHOLE : 0 } : undefined;
    case "set_percentage":
      return stage === "ramp" && share !== undefined && share !== percentage ? { stage, percentage: share } : undefined;
    case "complete":
      return stage === "server_primary" ? { stage: "complete", percentage: WHOLE } : undefined;
    default:
      return { stage, percentage };
  }
};

const isAhead = (one: Asked, other: Asked): boolean =>
  placeOf(one.stage) > placeOf(other.stage) || (one.stage === other.stage && one.percentage > other.percentage);

/** All that is requested of an app. */
export class Stages {
  panic = false;
  readonly own = new Map<string, Asked>([[REST, { stage: "dual_write", percentage: 0 }]]);

  asked(collection: string): Asked {
    return this.own.get(collection) ?? this.own.get(REST)!;
  }

  /** Makes a move; false where it is not legal. */
  move(move: Move, collection = REST, share?: number): boolean {
    if (move === "panic" || move === "release_panic") {
      const sets = move === "panic";
      if (this.panic === sets) return false;
      this.panic = sets;
      return true;
    }
    const now = this.asked(collection);
    const then = moved(now, move, share);
    if (!then || (this.panic && isAhead(then, now))) return false;
    this.own.set(collection, then);
    return true;
  }

  /** The stage that holds for a device. */
  held(collection: string, { bucket, hasReceipt, ownerOff }: Circumstances): Held {
    const { stage, percentage } = this.asked(collection);
    const as = (held: Stage, reason: string): Held => ({ stage: held, reason });
    if (ownerOff) return as("off", stage === "off" ? "as_requested" : "owner_off");
    if (placeOf(stage) <= placeOf("dual_write")) return as(stage, "as_requested");
    if (this.panic) return as("dual_write", "panic");
    if (!hasReceipt) return as("dual_write", "no_receipt");
    if (stage === "ramp" && bucket >= percentage) return as("shadow", "outside_percentage");
    return as(stage, "as_requested");
  }

  /** Whether the server has the last word on ties. */
  serverDecides(collection: string, of: Circumstances): boolean {
    return readsServer(this.held(collection, of).stage) || this.asked(collection).stage === "complete";
  }

  allOff(of: Circumstances): boolean {
    return [...this.own.keys()].every((collection) => this.held(collection, of).stage === "off");
  }

  /** What a device is told: the rest first. */
  lines(of: Circumstances) {
    return [...this.own.keys()].sort().map((collection) => {
      const { stage: requested, percentage } = this.asked(collection);
      const { stage, reason } = this.held(collection, of);
      const compare = stage === "shadow" || stage === "ramp" ? COMPARE : null;
      const reads = readsServer(stage) ? "server" : "browser";
      return { collection, requested, percentage, stage, reason, reads, compare };
    });
  }
}
