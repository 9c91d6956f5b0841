import { compared } from "../../support/runs.js";
import type { Clock } from "../clock.js";
import { load, type Policy } from "./arrivals.js";
import { Cutover } from "./cutover.js";
import { copyOf, Records, type Conflict } from "./records.js";
import { Rollbacks, toldOf } from "./rollbacks.js";
import { Runs, type Run, type Stored } from "./runs.js";
import { Refused, type Answer, type Request, type ServerGaps } from "./wire.js";
import { Writing } from "./writing.js";

/**
 * The server as semantics.md has it, one owner after the other: what it promises on the wire, without a database,
 * without workers, and with nothing taken over from the real one.
 */

const COLLECTIONS = [
  { name: "refused", patterns: ["refused"] },
  { name: "objects", patterns: ["o*"] },
];

const LIMITS = {
  ...{ chunk_bytes: 1_048_576, inflated_bytes: 8_388_608, chunk_entries: 10_000, entry_bytes: 33_554_432 },
  ...{ single_entry_bytes: 33_554_432, create_bytes: 1_572_864, ops: 500, ops_bytes: 800_000 },
};
const REVERTING_MS = 700;

export class Server {
  timeline = "t1";
  down = false;
  /** Tokens of earlier generations have expired. */
  generation = 0;
  policy: Policy = "AUTO_MERGE";
  limits = { ...LIMITS };
  owners = new Map<string, Records>();
  /** Told when an owner's records have risen. */
  told: (owner: string, revision: number) => void = () => {};
  /** Told of a new epoch: one owner's, or everybody's. */
  toldEpoch: (owner?: string) => void = () => {};
  /** The time of something that workers do has come. */
  rung: (work: () => void) => void = (work) => work();
  readonly runs = new Runs(this.#houseOfRuns());
  readonly rollbacks = new Rollbacks(this.#houseOfRollbacks());
  readonly cutover: Cutover;
  readonly writing = new Writing(this);

  constructor(
    readonly clock: Clock,
    readonly gaps: ServerGaps = {},
  ) {
    // The later a chunk is loaded, the more it can overwrite.
    if (gaps.oldChunks) this.runs.loadingMs *= 20;
    this.cutover = new Cutover(gaps, this.runs, (owner) => this.toldEpoch(owner));
  }

  recordsOf(owner: string): Records {
    if (!this.owners.has(owner)) this.owners.set(owner, new Records());
    return this.owners.get(owner)!;
  }

  /** Falls over; what was promised and not yet committed goes with it. */
  crash(): void {
    this.down = true;
    this.writing.crash();
  }

  /** Somebody restores yesterday's dump. */
  restore(dump: Map<string, Records>): void {
    this.owners = copied(dump);
    this.timeline = `t${Number(this.timeline.slice(1)) + 1}`;
    this.runs.forget();
    this.rollbacks.forget();
  }

  dump(): Map<string, Records> {
    return copied(this.owners);
  }

  /** Does all that waits for workers; false where nothing did. */
  work(): boolean {
    const loaded = this.runs.work();
    return this.rollbacks.work() || loaded;
  }

  ownerOf(token: string): string | undefined {
    if (token.startsWith("guest-")) return token;
    const { sub, generation } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString() || "{}");
    return generation >= this.generation ? sub : undefined;
  }

  answer(request: Request): Answer {
    const owner = this.ownerOf((request.headers.Authorization ?? "").replace("Bearer ", ""));
    const headers = () => ({ "Migration-Epoch": owner === undefined ? `${this.cutover.epoch}.0` : this.cutover.epochOf(owner) });
    try {
      const [status, body] = this.#route(request, owner);
      return { status, body, headers: headers() };
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      const { status, code, more } = thrown;
      const config = code === "stale_epoch" ? this.configOf(owner!, request.headers["Migration-Device"]) : undefined;
      const body = { code, detail: code, ...more, ...(config && { config, epoch: config.epoch }) };
      return { status, body, headers: headers() };
    }
  }

  configOf(owner: string, device: string | undefined) {
    const { timeline, limits, cutover } = this;
    const stages = cutover.stages.lines(cutover.of(owner, device));
    const nothing = { collections: COLLECTIONS, exclude: [], allow_sensitive: [] };
    const said = { stage: stages[0]!.stage, stages, panic: cutover.stages.panic, guests: true, limits, version: "0", timeline };
    return { app: "pk_test", epoch: cutover.epochOf(owner), namespace: "", ...said, ...nothing };
  }

  /** Does something to an owner's records, and tells whoever listens. */
  changing<T>(owner: string, work: () => T): T {
    const records = this.recordsOf(owner);
    const before = records.revision;
    const result = work();
    if (records.revision > before) this.told(owner, records.revision);
    return result;
  }

  #houseOfRuns(): ConstructorParameters<typeof Runs>[0] {
    return {
      policy: () => this.policy,
      epochOf: (owner) => this.cutover.epochOf(owner),
      ownEpoch: (owner) => this.cutover.apartOf(owner).epoch,
      holdFence: (headers) => this.writing.holdFence(headers),
      began: ({ owner, id, purpose, dry_run }) => {
        if (purpose === "migrate" && !dry_run) this.rollbacks.addPoint(owner, id, id);
      },
      load: (chunk) => this.#load(chunk),
      ring: (ms, work) => void this.clock.after(ms, () => this.rung(work)),
    };
  }

  #houseOfRollbacks(): ConstructorParameters<typeof Rollbacks>[0] {
    return {
      records: (owner) => this.recordsOf(owner),
      run: (owner, id) => this.runs.of(owner, id),
      isComplete: (run) => this.#isComplete(run),
      takeOff: (owner) => this.cutover.takeOff(owner),
      changing: (owner, work) => this.changing(owner, work),
      ring: () => void this.clock.after(REVERTING_MS, () => this.rung(() => void this.rollbacks.work())),
    };
  }

  #route(request: Request, owner: string | undefined): [number, unknown] {
    const { method, json, headers } = request;
    const [path, query] = request.path.split("?") as [string, string?];
    const device = headers["Migration-Device"];
    if (path === "/sessions") {
      const token = `guest-${json.guest}`;
      return [200, { token, owner: token, epoch: this.cutover.epochOf(token), config: this.configOf(token, device) }];
    }
    if (owner === undefined) throw new Refused(401, "unauthenticated");
    if (path === "/config") return [200, this.configOf(owner, device)];
    if (this.cutover.isStale(headers["Migration-Epoch"], owner)) throw new Refused(409, "stale_epoch");
    if (path === "/tickets") return [201, { ticket: owner, expires_in: 30 }];
    if (path.startsWith("/conflicts")) return this.#routeConflicts(path, owner, json);
    if (/^\/(rollback|runs\/[^/]+\/rollback)/.test(path)) return this.#routeRollbacks(method, path, owner, json);
    if (path.startsWith("/runs")) return this.runs.answer(request, path, owner);
    if (path === "/comparisons") return [200, { taken: json.lines?.length ?? 0 }];
    const records = this.recordsOf(owner);
    if (path === "/records/digests") return [200, { ...this.#compared(records, json), quarantined: [] }];
    if (path === "/records/read") return [200, { timeline: this.timeline, records: records.named(json.keys) }];
    if (path !== "/records") throw new Refused(404, "not_found");
    return method === "POST" ? this.writing.write(owner, request) : this.#changes(records, device!, query ?? "");
  }

  #changes(records: Records, device: string, query: string): [number, unknown] {
    const asked = new URLSearchParams(query);
    const told = asked.get("timeline");
    if (told && told !== this.timeline) throw new Refused(409, "timeline_changed", { timeline: this.timeline });
    const found = records.changes(device, Number(asked.get("since") ?? 0), Number(asked.get("limit") ?? 1000));
    return [200, { timeline: this.timeline, ...found }];
  }

  #compared(records: Records, json: any) {
    return compared(json, [...records.held()].map((pair) => JSON.stringify(pair)));
  }

  #load({ run, device, seq, lines }: Stored): void {
    const terms = this.writing.terms(run.owner, device, run.policy, false);
    this.changing(run.owner, () => load(this.recordsOf(run.owner), terms, run.id, seq, lines));
  }

  #isComplete(run: Run): boolean {
    return run.manifest.collections.some(({ name }: { name: string }) => this.cutover.stages.asked(name).stage === "complete");
  }

  #routeConflicts(path: string, owner: string, json: any): [number, unknown] {
    const records = this.recordsOf(owner);
    if (path === "/conflicts") return [200, { conflicts: records.open().map((one: Conflict) => records.sides(one)) }];
    const [, id] = /^\/conflicts\/(\d+)\/resolve$/.exec(path) ?? [];
    if (!id || !this.changing(owner, () => records.resolve(Number(id), json.choice, json.line)))
      throw new Refused(404, "not_found");
    return [200, {}];
  }

  #routeRollbacks(method: string, path: string, owner: string, json: any): [number, unknown] {
    const { rollbacks } = this;
    if (path === "/rollback-points" && method === "GET") return [200, { points: rollbacks.points(owner) }];
    const [, kind, id, word] = /^\/(runs|rollback-points|rollbacks)\/([^/]+)(\/[a-z]+)?$/.exec(path) ?? [];
    if (kind === "rollbacks" && !word) return [200, toldOf(rollbacks.show(owner, id!))];
    if (method !== "POST" || !word) throw new Refused(404, "not_found");
    const asked = { runs: "ofRun", "rollback-points": "toPoint", rollbacks: "undo" } as const;
    return [202, toldOf(rollbacks[asked[kind as keyof typeof asked]](owner, id!, json.idempotency_key))];
  }
}

const copied = (owners: Map<string, Records>): Map<string, Records> =>
  new Map([...owners].map(([owner, records]) => [owner, copyOf(records)]));
