import type { Runs } from "./runs.js";
import { bucketOf, REST, Stages, type Circumstances, type Move } from "./stages.js";
import type { ServerGaps } from "./wire.js";

/** What operators do: stages of the app, and owners apart from it, each under a new epoch. */

/** One owner apart from its app: taken off by a rollback, under an epoch of its own. */
interface Apart {
  off: boolean;
  epoch: number;
}

export class Cutover {
  readonly stages = new Stages();
  /** The app's part of the epoch. */
  epoch = 1;
  readonly #apart = new Map<string, Apart>();

  constructor(
    readonly gaps: ServerGaps,
    readonly runs: Runs,
    /** Told of a new epoch: one owner's, or everybody's. */
    readonly told: (owner?: string) => void,
  ) {}

  apartOf(owner: string): Apart {
    if (!this.#apart.has(owner)) this.#apart.set(owner, { off: false, epoch: 1 });
    return this.#apart.get(owner)!;
  }

  epochOf(owner: string): string {
    return `${this.epoch}.${this.apartOf(owner).epoch}`;
  }

  /** True for what was said under an epoch that has risen since; who knows the app's part alone is not told of the other. */
  isStale(epoch: string | undefined, owner: string): boolean {
    if (epoch === undefined || this.gaps.staleEpoch) return false;
    const [app, own] = epoch.split(".").map(Number) as [number, number];
    return app < this.epoch || (own || Infinity) < this.apartOf(owner).epoch;
  }

  /** Changes a stage; false where that is not legal. */
  move(move: Move, collection = REST, share?: number): boolean {
    if (!this.stages.move(move, collection, share)) return false;
    if (!this.gaps.steadyEpoch) this.epoch++;
    this.told();
    return true;
  }

  takeOff(owner: string): void {
    this.#set(owner, true);
  }

  /** Lets an owner be at its app's stage again; false where it is. */
  putOn(owner: string): boolean {
    if (!this.apartOf(owner).off) return false;
    this.#set(owner, false);
    return true;
  }

  raiseEpoch(owner: string): void {
    this.#set(owner, this.apartOf(owner).off);
  }

  /** What is known of a device of an owner when a stage is asked about. */
  of(owner: string, device: string | undefined): Circumstances {
    const salt = this.gaps.unsteadyBuckets ? `salt ${this.epoch}` : "salt";
    const hasReceipt = !!this.gaps.anyDevice || this.runs.hasReceipt(owner, device);
    return { bucket: bucketOf(owner, salt), hasReceipt, ownerOff: this.apartOf(owner).off };
  }

  #set(owner: string, off: boolean): void {
    const apart = this.apartOf(owner);
    apart.off = off;
    if (!this.gaps.steadyEpoch) apart.epoch++;
    this.told(owner);
  }
}
