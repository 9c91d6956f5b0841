import type { Clock } from "../clock.js";
import { arrive, type Policy, type Terms } from "./arrivals.js";
import type { Cutover } from "./cutover.js";
import { copyOf, type Records } from "./records.js";
import { REST } from "./stages.js";
import { Refused, type Request, type ServerGaps } from "./wire.js";

/** Ops: fence and epoch are looked at, and all of them commit together or not at all. */

/** What one device has committed, as somebody beside the server saw it. */
export interface Commit {
  owner: string;
  device: string;
  line: string;
  seq: number;
  fence: number;
  epoch: string | undefined;
  /** The server's epoch and the highest fence of the device at that moment. */
  epochThen: string;
  fenceThen: number;
}

/** What writing needs of the server it is part of. */
interface House {
  clock: Clock;
  gaps: ServerGaps;
  cutover: Cutover;
  policy: Policy;
  timeline: string;
  recordsOf(owner: string): Records;
  changing<T>(owner: string, work: () => T): T;
}

const UNCOMMITTED_MS = 1500;

const collectionOf = (key: string): string => (/^o/.test(key) ? "objects" : key === "refused" ? "refused" : REST);
const unfit = (key: string): string | undefined => (key === "refused" ? "schema_mismatch" : undefined);

export class Writing {
  readonly fences = new Map<string, number>();
  readonly commits: Commit[] = [];
  readonly #seen = new Map<string, number>();
  #uncommitted: (() => void)[] = [];

  constructor(readonly house: House) {}

  /** What was promised and not yet committed is gone. */
  crash(): void {
    this.#uncommitted = [];
  }

  holdFence(headers: Record<string, string>): void {
    const fence = Number(headers["Migration-Fence"] ?? 0);
    const device = headers["Migration-Device"]!;
    const highest = this.fences.get(device) ?? 0;
    if (fence && fence < highest && !this.house.gaps.noFence) throw new Refused(423, "fence_superseded");
    this.fences.set(device, Math.max(fence, highest));
  }

  /** A run a person starts is loaded whatever the stage is; a single op of a collection that is off is not taken. */
  terms(owner: string, device: string, policy: Policy, isOp: boolean): Terms {
    const { gaps, cutover } = this.house;
    const of = cutover.of(owner, device);
    const isOff = (key: string) => isOp && !gaps.staleEpoch && cutover.stages.held(collectionOf(key), of).stage === "off";
    return {
      device,
      policy,
      refuse: (key) => unfit(key) ?? (isOff(key) ? "stage_off" : undefined),
      yields: (key) => cutover.stages.serverDecides(collectionOf(key), of),
      gaps,
    };
  }

  write(owner: string, { headers, json }: Request): [number, unknown] {
    const { house } = this;
    const { gaps, cutover, timeline } = house;
    const device = headers["Migration-Device"]!;
    if (cutover.stages.allOff(cutover.of(owner, device)) && !gaps.staleEpoch) throw new Refused(409, "wrong_state", { stage: "off" });
    if (json.timeline && json.timeline !== timeline) throw new Refused(409, "timeline_changed");
    this.holdFence(headers);
    for (const { line, seq } of json.ops) this.#note(owner, headers, line, seq);
    const terms = this.terms(owner, device, house.policy, true);
    if (gaps.ackBeforeCommit) return [200, this.#promise(owner, terms, json.ops)];
    const records = house.recordsOf(owner);
    const outcomes = house.changing(owner, () => arrive(records, terms, json.ops));
    const whole = outcomes.map((one) => ({ revision: null, ...one }));
    return [200, { timeline, revision: records.revision, outcomes: whole }];
  }

  /** Says what would be, and does it later if nothing happens. */
  #promise(owner: string, terms: Terms, ops: any[]) {
    const { house } = this;
    const rehearsal = copyOf(house.recordsOf(owner));
    const outcomes = arrive(rehearsal, terms, ops).map((one) => ({ revision: null, ...one }));
    const work = () => void house.changing(owner, () => arrive(house.recordsOf(owner), terms, ops));
    this.#uncommitted.push(work);
    house.clock.after(UNCOMMITTED_MS, () => {
      if (!this.#uncommitted.includes(work)) return;
      this.#uncommitted = this.#uncommitted.filter((one) => one !== work);
      work();
    });
    return { timeline: house.timeline, revision: rehearsal.revision, outcomes };
  }

  #note(owner: string, headers: Record<string, string>, line: string, seq: number): void {
    const device = headers["Migration-Device"]!;
    const fence = Number(headers["Migration-Fence"] ?? 0);
    const fenceThen = Math.max(this.#seen.get(device) ?? 0, fence);
    this.#seen.set(device, fenceThen);
    const epoch = headers["Migration-Epoch"];
    this.commits.push({ owner, device, line, seq, fence, fenceThen, epoch, epochThen: this.house.cutover.epochOf(owner) });
  }
}
