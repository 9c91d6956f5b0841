import { isDeepStrictEqual } from "node:util";
import { compared, differing, linesOf, checkManifest, receiptOf, snapshotOf, type ModelRun } from "../../support/runs.js";
import type { Clock } from "../clock.js";
import { keyOf, Records, type Conflict, type Gaps, type Policy } from "./records.js";

/**
 * The server as semantics.md has it, one owner after the other: what it promises on the wire, without a database,
 * without workers, and with nothing taken over from the real one.
 */

/** What is left out for once, to see who notices. */
export interface ServerGaps extends Gaps {
  ackBeforeCommit?: boolean;
  noFence?: boolean;
  staleEpoch?: boolean;
}

export interface Request {
  method: string;
  path: string;
  headers: Record<string, string>;
  json?: any;
  body?: string;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

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

interface Run extends ModelRun {
  /** Of its conflicts: the app's, or what the page asked for. */
  policy: Policy;
}

/** A chunk that waits for a worker. */
interface Stored {
  run: Run;
  device: string;
  seq: number;
  lines: string[];
}

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly more: object = {},
  ) {
    super(code);
  }
}

const LIMITS = {
  ...{ chunk_bytes: 1_048_576, inflated_bytes: 8_388_608, chunk_entries: 10_000, entry_bytes: 33_554_432 },
  ...{ single_entry_bytes: 33_554_432, create_bytes: 1_572_864, ops: 500, ops_bytes: 800_000 },
};
// Chunks are loaded by workers, some time after they were stored.
const LOADING_MS = 3000;
const UNCOMMITTED_MS = 1500;

export class Server {
  stage = "dual_write";
  epoch = 1;
  timeline = "t1";
  down = false;
  /** Tokens of earlier generations have expired. */
  generation = 0;
  policy: Policy = "AUTO_MERGE";
  limits = { ...LIMITS };
  owners = new Map<string, Records>();
  readonly fences = new Map<string, number>();
  readonly commits: Commit[] = [];
  /** Told when an owner's records have risen. */
  told: (owner: string, revision: number) => void = () => {};
  /** A chunk's time to be loaded has come. */
  rung: (chunk: Stored) => void = (chunk) => this.#load(chunk);
  #runs = new Map<string, Run>();
  #stored = new Set<Stored>();
  #seen = new Map<string, number>();
  #uncommitted: (() => void)[] = [];

  constructor(
    readonly clock: Clock,
    readonly gaps: ServerGaps = {},
  ) {}

  recordsOf(owner: string): Records {
    if (!this.owners.has(owner)) this.owners.set(owner, new Records(this.gaps));
    const records = this.owners.get(owner)!;
    records.policy = this.policy;
    records.refuse = (key) => (key === "refused" ? "schema_mismatch" : undefined);
    return records;
  }

  /** Falls over; what was promised and not yet committed goes with it. */
  crash(): void {
    this.down = true;
    this.#uncommitted = [];
  }

  /** Somebody restores yesterday's dump. */
  restore(dump: Map<string, Records>): void {
    this.owners = structuredCopy(dump, this.gaps);
    this.timeline = `t${Number(this.timeline.slice(1)) + 1}`;
    this.#runs.clear();
  }

  dump(): Map<string, Records> {
    return structuredCopy(this.owners, this.gaps);
  }

  ownerOf(token: string): string | undefined {
    if (token.startsWith("guest-")) return token;
    const { sub, generation } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString() || "{}");
    return generation >= this.generation ? sub : undefined;
  }

  answer(request: Request): Answer {
    const headers = { "Migration-Epoch": this.#epoch };
    try {
      const [status, body] = this.#route(request);
      return { status, body, headers };
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      const { status, code, more } = thrown;
      return { status, headers, body: { code, detail: code, epoch: this.#epoch, ...more } };
    }
  }

  get #epoch(): string {
    return `${this.epoch}.1`;
  }

  get #config() {
    const { stage, timeline, limits } = this;
    const nothing = { collections: [{ name: "refused", patterns: ["refused"] }], exclude: [], allow_sensitive: [] };
    const stages = [{ collection: "", requested: stage, percentage: 0, stage, reason: "as_requested", reads: "browser", compare: null }];
    const said = { stage, stages, panic: false, guests: true, limits, version: "0", timeline };
    return { app: "pk_test", epoch: this.#epoch, namespace: "", ...said, ...nothing };
  }

  #route(request: Request): [number, unknown] {
    const { method, json, headers } = request;
    const [path, query] = request.path.split("?") as [string, string?];
    if (path === "/sessions") {
      const token = `guest-${json.guest}`;
      return [200, { token, owner: token, epoch: this.#epoch, config: this.#config }];
    }
    const owner = this.ownerOf((headers.Authorization ?? "").replace("Bearer ", ""));
    if (owner === undefined) throw new Refused(401, "unauthenticated");
    if (path === "/config") return [200, this.#config];
    const stale = headers["Migration-Epoch"] !== undefined && headers["Migration-Epoch"] !== this.#epoch;
    if (stale && !this.gaps.staleEpoch) throw new Refused(409, "stale_epoch", { config: this.#config });
    if (path === "/tickets") return [201, { ticket: owner, expires_in: 30 }];
    if (path.startsWith("/conflicts")) return this.#routeConflicts(path, owner, json);
    if (path.startsWith("/runs")) return this.#routeRuns(request, path, owner);
    if (path === "/comparisons") return [200, { taken: json.lines?.length ?? 0 }];
    const records = this.recordsOf(owner);
    if (path === "/records/digests") return [200, { ...this.#compared(records, json), quarantined: [] }];
    if (path !== "/records") throw new Refused(404, "not_found");
    return method === "POST" ? this.#write(owner, request) : this.#changes(records, headers, query ?? "");
  }

  #holdFence(headers: Record<string, string>): void {
    const fence = Number(headers["Migration-Fence"] ?? 0);
    const device = headers["Migration-Device"]!;
    const highest = this.fences.get(device) ?? 0;
    if (fence && fence < highest && !this.gaps.noFence) throw new Refused(423, "fence_superseded");
    this.fences.set(device, Math.max(fence, highest));
  }

  #write(owner: string, { headers, json }: Request): [number, unknown] {
    if (this.stage === "off" && !this.gaps.staleEpoch) throw new Refused(409, "wrong_state", { stage: "off" });
    if (json.timeline && json.timeline !== this.timeline) throw new Refused(409, "timeline_changed");
    this.#holdFence(headers);
    const device = headers["Migration-Device"]!;
    for (const { line, seq } of json.ops) this.#note(owner, headers, line, seq);
    if (this.gaps.ackBeforeCommit) return [200, this.#promise(owner, device, json.ops)];
    const records = this.recordsOf(owner);
    const outcomes = this.#changing(owner, () => records.arrive(device, json.ops));
    const whole = outcomes.map((one) => ({ revision: null, ...one }));
    return [200, { timeline: this.timeline, revision: records.revision, outcomes: whole }];
  }

  /** Says what would be, and does it later if nothing happens. */
  #promise(owner: string, device: string, ops: any[]) {
    const rehearsal = copyOf(this.recordsOf(owner), this.gaps);
    const outcomes = rehearsal.arrive(device, ops).map((one) => ({ revision: null, ...one }));
    const work = () => void this.#changing(owner, () => this.recordsOf(owner).arrive(device, ops));
    this.#uncommitted.push(work);
    this.clock.after(UNCOMMITTED_MS, () => {
      if (!this.#uncommitted.includes(work)) return;
      this.#uncommitted = this.#uncommitted.filter((one) => one !== work);
      work();
    });
    return { timeline: this.timeline, revision: rehearsal.revision, outcomes };
  }

  #note(owner: string, headers: Record<string, string>, line: string, seq: number): void {
    const device = headers["Migration-Device"]!;
    const fence = Number(headers["Migration-Fence"] ?? 0);
    const fenceThen = Math.max(this.#seen.get(device) ?? 0, fence);
    this.#seen.set(device, fenceThen);
    const epoch = headers["Migration-Epoch"];
    this.commits.push({ owner, device, line, seq, fence, fenceThen, epoch, epochThen: this.#epoch });
  }

  #changing<T>(owner: string, work: () => T): T {
    const records = this.recordsOf(owner);
    const before = records.revision;
    const result = work();
    if (records.revision > before) this.told(owner, records.revision);
    return result;
  }

  #changes(records: Records, headers: Record<string, string>, query: string): [number, unknown] {
    const asked = new URLSearchParams(query);
    const told = asked.get("timeline");
    if (told && told !== this.timeline) throw new Refused(409, "timeline_changed", { timeline: this.timeline });
    const found = records.changes(headers["Migration-Device"]!, Number(asked.get("since") ?? 0), Number(asked.get("limit") ?? 1000));
    return [200, { timeline: this.timeline, ...found }];
  }

  #compared(records: Records, json: any) {
    return compared(json, [...records.held()].map((pair) => JSON.stringify(pair)));
  }

  #routeConflicts(path: string, owner: string, json: any): [number, unknown] {
    const records = this.recordsOf(owner);
    if (path === "/conflicts") return [200, { conflicts: records.open().map((one: Conflict) => records.sides(one)) }];
    const [, id] = /^\/conflicts\/(\d+)\/resolve$/.exec(path) ?? [];
    if (!id || !this.#changing(owner, () => records.resolve(Number(id), json.choice, json.line)))
      throw new Refused(404, "not_found");
    return [200, {}];
  }

  #routeRuns(request: Request, path: string, owner: string): [number, unknown] {
    const { method, json, headers } = request;
    const device = headers["Migration-Device"]!;
    if (path === "/runs" && method === "POST") return this.#create(owner, headers, json);
    const [, id, rest] = /^\/runs\/([^/]+)(.*)$/.exec(path) ?? [];
    const run = this.#runs.get(id ?? "");
    if (!run || run.owner !== owner) throw new Refused(404, "not_found");
    if (rest === "/missing") return [200, { differing: differing(json, linesOf(run)) }];
    if (rest === "/seal") {
      // The very seal, come again.
      if (run.sealed && isDeepStrictEqual(run.manifest, json.manifest)) return [200, snapshotOf(run, this.#epoch)];
      this.#holdFence(headers);
      return this.#seal(run, json.manifest);
    }
    if (rest === "/receipt") return this.#receipt(run);
    if (rest === "/resume" && run.state === "failed") Object.assign(run, { state: "transferring", sealed: false });
    const [, chunk] = /^\/chunks\/(.+)$/.exec(rest ?? "") ?? [];
    if (!chunk) return [200, snapshotOf(run, this.#epoch)];
    if (run.chunks.has(chunk)) return [200, { id: chunk, status: "stored" }];
    if (!["planned", "transferring"].includes(run.state)) throw new Refused(409, "wrong_state", { state: run.state });
    this.#holdFence(headers);
    this.#keep(run, device, chunk, Number(headers["Migration-Seq"]), request.body!);
    return [201, { id: chunk, status: "stored" }];
  }

  #create(owner: string, headers: Record<string, string>, json: any): [number, unknown] {
    const known = this.#runs.get(json.id);
    if (known) return [200, snapshotOf(known, this.#epoch)];
    checkManifest(json.manifest);
    this.#holdFence(headers);
    const device = headers["Migration-Device"]!;
    const run: Run = {
      ...{ id: json.id, owner, state: "planned", sealed: false, paused: false, number: 0, mismatch: null, rounds: 0 },
      ...{ purpose: json.purpose, dry_run: json.dry_run, manifest: json.manifest, lines: new Map(), chunks: new Map() },
      policy: json.options?.conflictResolution ?? this.policy,
    };
    this.#runs.set(run.id, run);
    for (const { id, seq, data } of json.chunks ?? []) this.#keep(run, device, id, seq, Buffer.from(data, "base64").toString());
    if (json.seal) this.#seal(run, json.manifest);
    return [201, snapshotOf(run, this.#epoch)];
  }

  /** Stores a chunk; a worker loads it some time later. */
  #keep(run: Run, device: string, id: string, seq: number, payload: string): void {
    const lines = payload.split("\n").slice(0, -1);
    run.chunks.set(id, id);
    if (run.state === "planned") run.state = "transferring";
    for (const line of lines) if ((run.lines.get(keyOf(line))?.seq ?? 0) <= seq) run.lines.set(keyOf(line), { seq, line });
    const stored = { run, device, seq, lines };
    this.#stored.add(stored);
    this.clock.after((seq * 997 + lines.length * 101) % LOADING_MS, () => this.rung(stored));
  }

  /** Loads and verifies all that waits, as workers do that look at everything; false where nothing did. */
  work(): boolean {
    const waiting = [...this.#stored].sort((one, other) => one.seq - other.seq);
    // Of what one device says of a key in one batch only the last is looked at.
    const last = new Map<string, Stored>();
    const placeOf = ({ run, device }: Stored, line: string) => JSON.stringify([run.owner, device, keyOf(line)]);
    for (const chunk of waiting) for (const line of chunk.lines) last.set(placeOf(chunk, line), chunk);
    for (const chunk of waiting) chunk.lines = chunk.lines.filter((line) => last.get(placeOf(chunk, line)) === chunk);
    for (const chunk of waiting) this.#load(chunk);
    const verifying = [...this.#runs.values()].filter(({ state }) => state === "verifying");
    for (const run of verifying) this.#verify(run);
    return waiting.length + verifying.length > 0;
  }

  #load(chunk: Stored): void {
    const { run, device, seq, lines } = chunk;
    if (!this.#stored.delete(chunk) || this.#runs.get(run.id) !== run) return;
    this.#changing(run.owner, () => this.recordsOf(run.owner).load(device, seq, lines, run.policy));
  }

  #seal(run: Run, manifest: any): [number, unknown] {
    if (!["planned", "transferring"].includes(run.state)) throw new Refused(409, "wrong_state", { state: run.state });
    checkManifest(manifest);
    Object.assign(run, { manifest, sealed: true, state: "verifying" });
    return [200, snapshotOf(run, this.#epoch)];
  }

  #receipt(run: Run): [number, unknown] {
    if (run.state === "verifying") this.#verify(run);
    return run.state === "completed" ? [200, receiptOf(run)] : [202, snapshotOf(run, this.#epoch)];
  }

  #verify(run: Run): void {
    if ([...this.#stored].some((chunk) => chunk.run === run)) return;
    const found = Object.entries(differing(run.manifest, linesOf(run)));
    const mismatch = Object.fromEntries(found.map(([name, buckets]) => [name, Object.keys(buckets)]));
    if (!found.length) Object.assign(run, { state: "completed", mismatch: null });
    else Object.assign(run, { mismatch, sealed: false, state: ++run.rounds > 3 ? "failed" : "transferring" });
  }
}

const copyOf = (records: Records, gaps: Gaps): Records =>
  Object.assign(new Records(gaps), {
    policy: records.policy,
    refuse: records.refuse,
    revision: records.revision,
    conflicts: structuredClone(records.conflicts),
    keys: structuredClone(records.keys),
  });

const structuredCopy = (owners: Map<string, Records>, gaps: Gaps): Map<string, Records> =>
  new Map([...owners].map(([owner, records]) => [owner, copyOf(records, gaps)]));
