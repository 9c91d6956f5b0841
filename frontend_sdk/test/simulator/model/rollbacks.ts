import { Refused } from "./wire.js";
import { revert, type Extent } from "./rollback.js";
import type { Records } from "./records.js";
import type { Run } from "./runs.js";

/** Rollbacks as they are asked for, done once, and undone; and the points there is to go back to. */

interface Point {
  id: string;
  owner: string;
  revision: number;
  run: string | null;
}

export interface Rollback {
  /** The key it was asked for under. */
  id: string;
  owner: string;
  scope: "run" | "owner";
  run: string | null;
  point: string | null;
  undoes: string | null;
  to: number;
  state: "requested" | "done";
  from: number;
  count: number;
}

/** What rollbacks need of the server they are part of. */
interface House {
  records(owner: string): Records;
  run(owner: string, id: string): Run | undefined;
  /** True where the server alone holds what is to go back. */
  isComplete(run: Run): boolean;
  /** Takes an owner off under a new epoch. */
  takeOff(owner: string): void;
  changing<T>(owner: string, work: () => T): T;
  /** A worker is wanted. */
  ring(): void;
}

const CAN_GO_BACK = ["transferring", "verifying", "completed", "failed"];

export class Rollbacks {
  #points: Point[] = [];
  #all: Rollback[] = [];

  constructor(readonly house: House) {}

  /** Names the revision an owner stands at; each run has one of its own. */
  addPoint(owner: string, id: string, run: string | null = null): void {
    this.#points.push({ id, owner, revision: this.house.records(owner).revision, run });
  }

  points(owner: string): Point[] {
    return this.#points.filter((one) => one.owner === owner).reverse();
  }

  list(owner: string): Rollback[] {
    return this.#all.filter((one) => one.owner === owner);
  }

  forget(): void {
    this.#points = [];
    this.#all = [];
  }

  ofRun(owner: string, id: string, key: string): Rollback {
    return this.#once(owner, key, () => {
      const run = this.house.run(owner, id);
      if (!run) throw new Refused(404, "not_found");
      const known = this.list(owner).filter((one) => one.run === id).at(-1);
      if (known && !known.undoes && ["rolling_back", "rolled_back"].includes(run.state)) return known;
      if (run.purpose !== "migrate" || run.dry_run || !CAN_GO_BACK.includes(run.state) || this.house.isComplete(run))
        throw new Refused(409, "cannot_roll_back");
      const to = this.#points.find((one) => one.run === id)?.revision ?? 0;
      return this.#ask({ owner, id: key, scope: "run", run: id, to });
    });
  }

  toPoint(owner: string, id: string, key: string): Rollback {
    return this.#once(owner, key, () => {
      const point = this.#points.find((one) => one.owner === owner && one.id === id);
      if (!point) throw new Refused(404, "not_found");
      const known = this.list(owner).find((one) => one.point === id && one.state === "requested");
      return known ?? this.#ask({ owner, id: key, scope: "owner", point: id, to: point.revision });
    });
  }

  undo(owner: string, id: string, key: string): Rollback {
    return this.#once(owner, key, () => {
      const undone = this.show(owner, id);
      const known = this.list(owner).find((one) => one.undoes === undone.id);
      if (known) return known;
      if (undone.state !== "done") throw new Refused(409, "cannot_roll_back");
      return this.#ask({ owner, id: key, scope: undone.scope, run: undone.run, undoes: undone.id, to: undone.from });
    });
  }

  show(owner: string, id: string): Rollback {
    const found = this.list(owner).find((one) => one.id === id);
    if (!found) throw new Refused(404, "not_found");
    return found;
  }

  /** Does what was asked for; false where nothing was. */
  work(): boolean {
    const waiting = this.#all.filter(({ state }) => state === "requested");
    for (const one of waiting) {
      const done = this.house.changing(one.owner, () => revert(this.house.records(one.owner), this.#extentOf(one)));
      Object.assign(one, { state: "done", from: done.from, count: done.count });
      const run = one.run && this.house.run(one.owner, one.run);
      if (run) run.state = "rolled_back";
    }
    return waiting.length > 0;
  }

  #extentOf({ owner, scope, run, undoes, to }: Rollback): Extent {
    if (scope === "owner") return { scope, to };
    if (!undoes) return { scope, run: run! };
    return { scope: "undo", first: to, last: to + this.show(owner, undoes).count };
  }

  #once(owner: string, key: string, make: () => Rollback): Rollback {
    return this.list(owner).find(({ id }) => id === key) ?? make();
  }

  #ask(given: Pick<Rollback, "owner" | "id" | "scope" | "to"> & Partial<Rollback>): Rollback {
    const made: Rollback = { run: null, point: null, undoes: null, state: "requested", from: 0, count: 0, ...given };
    // No write under the old epoch can follow.
    this.house.takeOff(made.owner);
    this.#all.push(made);
    const run = made.run && this.house.run(made.owner, made.run);
    if (run) run.state = "rolling_back";
    this.house.ring();
    return made;
  }
}

/** A rollback as it is told. */
export const toldOf = ({ id, scope, state, run, point, undoes, to, from, count }: Rollback) => ({
  ...{ id, scope, state, run, point, undoes, to_revision: to },
  ...(state === "done" ? { from_revision: from, reverted: count } : { from_revision: null, reverted: 0 }),
});
