import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Stage, StageLine } from "../../src/types.js";
import { OwnerRecords } from "./records.js";
import { sha, wire } from "./hashes.js";
import { checkManifest, compared, differing, downloadOf, linesOf, receiptOf, snapshotOf, statisticsOf, type ModelRun } from "./runs.js";

/**
 * A small server that keeps the wire's promises in memory: it checks sums, stores lines, compares digests
 * with the manifest and only then gives a receipt. Tests look at what it holds, not at what it was asked.
 */

export interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
  json: any;
}

/** An answer given instead of the real one; `cut` drops the connection, `late` drops it after the work is done. */
export type Interception = { status: number; body?: unknown; headers?: Record<string, string> } | "cut" | "late";

const READ_BY_SERVER: Stage[] = ["ramp", "server_primary", "complete"];

export class ModelServer {
  readonly calls: Call[] = [];
  readonly runs = new Map<string, ModelRun>();
  readonly records = new Map<string, Map<string, string>>();
  readonly fences = new Map<string, number>();
  /** What dual write has brought, by owner. */
  readonly written = new Map<string, OwnerRecords>();
  stage: Stage = "dual_write";
  /** Lines of collections with a stage of their own, and what else the line of the rest says. */
  stages: (Partial<StageLine> & { collection: string })[] = [];
  panic = false;
  leaseSeconds: number | undefined;
  /** What comparisons reported. */
  readonly reports: any[] = [];
  /** Most deletions at once that are believed; 0: half of the keys. */
  deletionLimit = 0;
  /** Deletions before this revision are not remembered. */
  horizon = 0;
  /** Keys the server's own scan refuses. */
  sensitive: (key: string, value: string) => string | undefined = () => undefined;
  /** A chance to answer otherwise; called before the real thing. */
  intercept: (call: Call) => Interception | undefined | Promise<Interception | undefined> = () => undefined;
  /** Lines lost between storing and verifying. */
  lose: (key: string, run: ModelRun) => boolean = () => false;
  /** Seconds of a pause that answers to uploads ask for. */
  pause: number | undefined;
  /** Receipts stay away while this is false. */
  verifies = true;
  /** Around everything the server does at one go: its work is not the page's. */
  aside: <T>(work: () => T) => T = (work) => work();
  epoch = "1.1";
  validToken: (token: string) => string | undefined = (token) => (token.startsWith("guest-") ? token : undefined);
  limits = {
    chunk_bytes: 1_048_576,
    inflated_bytes: 8_388_608,
    chunk_entries: 10_000,
    entry_bytes: 33_554_432,
    single_entry_bytes: 33_554_432,
    create_bytes: 1_572_864,
  };
  collections: unknown[] = [];
  /** What the server says of its own readiness. */
  checks = [{ code: "rollback_works", severity: "ok", passed: true, detail: "Rehearsed." }];
  /** Whether runs still stand as their receipts say. */
  holds = true;
  /** Records other devices wrote since. */
  behind = 0;
  /** Keys that go to quarantine instead of the records. */
  setAside: (key: string) => string | undefined = () => undefined;
  #aside: object[] = [];
  #server!: Server;
  #tokens = 0;

  async start(): Promise<this> {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  asked(method: string, part: string): Call[] {
    return this.calls.filter((call) => call.method === method && call.path.includes(part));
  }

  /** What the server holds of the only owner, as pairs. */
  held(): [string, string][] {
    const lines = [...this.records.values()].flatMap((owner) => [...owner.values()]);
    return lines.map((line) => JSON.parse(line)).filter((pair) => pair.length === 2) as [string, string][];
  }

  get config() {
    return {
      app: "pk_test",
      epoch: this.epoch,
      namespace: "default",
      stage: this.stage,
      stages: this.#lines(),
      panic: this.panic,
      collections: this.collections,
      exclude: [],
      allow_sensitive: [],
      guests: true,
      limits: { ...this.limits, deletions: this.deletionLimit, lease_seconds: this.leaseSeconds },
      version: "0",
      timeline: this.recordsOf().timeline,
    };
  }

  #lines(): StageLine[] {
    const line = (given: Partial<StageLine> & { collection: string }): StageLine => {
      const stage = this.stage === "off" ? "off" : this.panic && given.stage !== "off" ? "dual_write" : (given.stage ?? this.stage);
      const reads = READ_BY_SERVER.includes(stage) ? "server" : "browser";
      const reason = this.panic ? "panic" : "as_requested";
      const compare = ["shadow", "ramp"].includes(stage) ? (given.compare ?? null) : null;
      return { requested: stage, percentage: 10_000, reason, ...given, stage, reads, compare };
    };
    const rest = this.stages.find(({ collection }) => !collection) ?? { collection: "" };
    return [...this.stages.filter(({ collection }) => collection), rest].map(line);
  }

  /** Moves stages under a new epoch, and tells the open pages. */
  turn(change: Partial<Pick<ModelServer, "stage" | "stages" | "panic">>): void {
    Object.assign(this, change);
    const [app, owner] = this.epoch.split(".").map(Number);
    this.epoch = `${app! + 1}.${owner}`;
  }

  snapshot(run: ModelRun) {
    return snapshotOf(run, this.epoch);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return; // the page hung up
    }
    const body = Buffer.concat(parts);
    const call = this.aside(() => this.#call(request, body));
    this.calls.push(call);
    const other = await this.intercept(call);
    if (other === "cut") return void request.socket.destroy();
    const [status, answer, headers = {}] =
      other && other !== "late" ? [other.status, other.body ?? {}, other.headers] : this.aside(() => this.#answer(call));
    if (other === "late") return void request.socket.destroy();
    const payload = Buffer.isBuffer(answer) ? answer : Buffer.from(this.aside(() => JSON.stringify(answer)));
    response.writeHead(status, { "Content-Type": "application/json", "Migration-Epoch": this.epoch, ...this.#hint(call), ...headers });
    response.end(payload);
  }

  #hint({ method, path }: Call): Record<string, string> {
    const uploads = method === "PUT" || (method === "POST" && path === "/runs");
    return uploads && this.pause ? { Backoff: `${this.pause}` } : {};
  }

  #call({ method, url, headers }: IncomingMessage, body: Buffer): Call {
    const isJson = headers["content-type"] === "application/json";
    const path = url!.replace("/api/v1", "");
    return { method: method!, path, headers, body, json: isJson ? JSON.parse(body.toString()) : undefined };
  }

  #answer(call: Call): [number, unknown, Record<string, string>?] {
    try {
      return this.#route(call);
    } catch (error) {
      if (Array.isArray(error)) return [error[0], { code: error[1], detail: error[1], ...error[2] }];
      return [500, { code: "bug", detail: String(error) }];
    }
  }

  /** What the server holds of an owner through dual write. */
  recordsOf(owner = "guest"): OwnerRecords {
    if (!this.written.has(owner)) this.written.set(owner, new OwnerRecords());
    return this.written.get(owner)!;
  }

  #routeRecords({ method, path, headers, json }: Call, who: string): [number, unknown] {
    const device = String(headers["migration-device"]);
    const records = this.recordsOf(who);
    if (this.stage === "off") throw [409, "wrong_state", { stage: "off" }];
    if (json?.timeline && json.timeline !== records.timeline) throw [409, "timeline_changed"];
    if (method === "POST") return [200, records.arrive(device, json.ops)];
    const asked = new URLSearchParams(path.split("?")[1]);
    const since = Number(asked.get("since"));
    if ((asked.get("timeline") ?? records.timeline) !== records.timeline) throw [409, "timeline_changed", { timeline: records.timeline }];
    if (since && since < this.horizon && !asked.has("forgetful")) throw [410, "cursor_expired"];
    return [200, records.changes(device, since, Number(asked.get("limit") ?? 1000))];
  }

  /** The lines of all records, whichever way they came; deletions are not held. */
  #live(who: string): string[] {
    const lines = new Map(this.#recordsOf(who));
    for (const line of this.recordsOf(who).lines()) lines.set(JSON.parse(line)[0], line);
    return [...lines.values()].filter((line) => JSON.parse(line).length > 1);
  }

  #route(call: Call): [number, unknown, Record<string, string>?] {
    const { method, json } = call;
    const [path] = call.path.split("?");
    if (path === "/sessions")
      return [200, { token: `guest-${++this.#tokens}`, owner: "o", epoch: this.epoch, config: this.config }];
    if (path === "/health") return [200, { status: "ok" }];
    const token = (call.headers.authorization ?? "").replace("Bearer ", "");
    const owner = this.validToken(token);
    if (owner === undefined) throw [401, "unauthenticated"];
    const who = owner.startsWith("guest-") ? "guest" : owner;
    const said = call.headers["migration-epoch"];
    if (said && said !== this.epoch) throw [409, "stale_epoch", { config: this.config, epoch: this.epoch }];
    this.#fence(call);
    if (path === "/config") return [200, this.config];
    if (path === "/records/read") return [200, this.recordsOf(who).read(json.keys.map((key: string) => JSON.parse(key)))];
    if (path === "/comparisons") return [200, { taken: this.reports.push({ lines: [], mismatches: [], ...json }) }];
    if (path === "/records") return this.#routeRecords(call, who);
    if (path === "/conflicts") return [200, { conflicts: this.recordsOf(who).conflicts }];
    const dispute = /^\/conflicts\/(\d+)\/resolve$/.exec(path!);
    if (dispute) return [200, this.recordsOf(who).resolve(Number(dispute[1]), json) ?? {}];
    if (path === "/tickets") return [201, { ticket: "t", expires_in: 30 }];
    if (path === "/runs" && method === "POST") return this.#create(who, json);
    if (path === "/runs") return [200, { runs: [...this.runs.values()].map((run) => this.snapshot(run)) }];
    if (path === "/records/digests")
      return [200, { ...compared(json, this.#live(who)), quarantined: this.#aside }];
    if (path === "/statistics") return [200, statisticsOf([...this.#recordsOf(who).values()], this.behind, +call.path.split("since=")[1]!)];
    if (path === "/readiness") return [200, { ready: true, checked_at: "", checks: this.checks }];
    if (path === "/backups") return [200, { backups: this.#backups() }];
    const backup = /^\/backups\/(.+)\/download$/.exec(path!);
    if (backup) return downloadOf(this.runs.get(backup[1]!)!);
    const [, id, rest = ""] = /^\/runs\/([^/]+)(.*)$/.exec(path!) ?? [];
    const run = this.runs.get(id ?? "");
    if (!run || run.owner !== who) throw [404, "not_found"];
    return this.#routeRun(call, run, rest);
  }

  #routeRun(call: Call, run: ModelRun, rest: string): [number, unknown] {
    if (rest === "") return [200, this.snapshot(run)];
    if (rest === "/missing")
      return [
        200,
        { differing: differing(call.json, linesOf(run)) },
      ];
    if (rest === "/seal") return this.#seal(run, call.json.manifest);
    if (rest === "/validate") {
      if (run.state !== "completed") throw [409, "not_migrated"];
      return [200, { run: run.id, valid: this.holds, checked_at: "", receipt: [], unexplained: [] }];
    }
    if (rest === "/report") {
      if (call.path.endsWith("?format=html")) return [200, Buffer.from(`<!doctype html><p>é ${run.id}`)];
      return [200, { run: this.snapshot(run), moved: { verified: run.state === "completed" } }];
    }
    if (rest === "/receipt") return this.#receiptAnswer(run);
    if (rest === "/pause" || rest === "/resume") {
      run.paused = rest === "/pause";
      if (rest === "/resume" && run.state === "failed") Object.assign(run, { state: "transferring", sealed: false });
      return [200, this.snapshot(run)];
    }
    if (rest === "/cancel") {
      if (run.state === "completed") throw [409, "wrong_state", { state: run.state }];
      run.state = "cancelled";
      return [200, this.snapshot(run)];
    }
    if (rest === "/rollback")
      return [200, { scope: "run", can_rollback: true, reasons: [], reverted: 1, kept: [], kept_count: 0, deleted: 1 }];
    const chunk = /^\/chunks\/(.+)$/.exec(rest);
    if (chunk) return this.#chunk(call, run, chunk[1]!);
    throw [404, "not_found"];
  }

  #fence(call: Call): void {
    const fence = Number(call.headers["migration-fence"] ?? 0);
    const device = String(call.headers["migration-device"]);
    const highest = this.fences.get(device) ?? 0;
    if (fence && fence < highest) throw [423, "fence_superseded"];
    this.fences.set(device, Math.max(fence, highest));
  }

  #create(owner: string, json: any): [number, unknown] {
    const known = this.runs.get(json.id);
    if (known) return [200, this.snapshot(known)];
    const run: ModelRun = {
      ...{ id: json.id, state: "planned", sealed: false, paused: false, number: 0, owner, mismatch: null, rounds: 0 },
      ...{ purpose: json.purpose, dry_run: json.dry_run, manifest: json.manifest },
      ...{ lines: new Map(), chunks: new Map() },
    };
    checkManifest(json.manifest);
    for (const chunk of json.chunks ?? []) {
      const data = Buffer.from(chunk.data, "base64");
      this.#store(
        run,
        chunk.id,
        chunk.seq,
        chunk.entries,
        chunk.bytes,
        chunk.sha256,
        chunk.encoding === "gzip" ? gunzipSync(data) : data,
      );
    }
    this.runs.set(run.id, run);
    if (json.seal) this.#seal(run, json.manifest);
    return [201, this.snapshot(run)];
  }

  #chunk(call: Call, run: ModelRun, id: string): [number, unknown] {
    const header = (name: string) => String(call.headers[`migration-${name}`]);
    const known = run.chunks.get(id);
    if (known) {
      if (known !== header("sha256")) throw [409, "idempotency_mismatch"];
      return [200, { id, status: "stored" }];
    }
    if (!["planned", "transferring"].includes(run.state)) throw [409, "wrong_state", { state: run.state }];
    if (call.body.length > this.limits.chunk_bytes && header("entries") !== "1") throw [413, "too_large"];
    const payload = call.headers["content-encoding"] === "gzip" ? gunzipSync(call.body) : call.body;
    this.#store(run, id, +header("seq"), +header("entries"), +header("bytes"), header("sha256"), payload);
    return [201, { id, status: "stored" }];
  }

  #store(run: ModelRun, id: string, seq: number, entries: number, bytes: number, sum: string, payload: Buffer): void {
    if (payload.length !== bytes || wire(sha(payload)) !== sum) throw [422, "checksum_mismatch"];
    if (entries > 1 && payload.length > this.limits.inflated_bytes) throw [413, "inflate_limit"];
    if (payload.length > this.limits.single_entry_bytes) throw [413, "too_large"];
    const lines = payload.toString().split("\n");
    if (lines.pop() !== "" || lines.length !== entries || entries > this.limits.chunk_entries)
      throw [422, "entry_count"];
    const items = [];
    for (const line of lines) {
      const [key, value] = JSON.parse(line);
      const rule = value === undefined ? undefined : this.sensitive(key, value);
      if (rule) items.push({ key: JSON.stringify(key), rule });
    }
    if (items.length) throw [422, "sensitive_item", { items }];
    run.chunks.set(id, sum);
    if (run.state === "planned") run.state = "transferring";
    for (const line of lines) {
      const [key] = JSON.parse(line);
      const held = run.lines.get(key);
      if (!held || held.seq <= seq) run.lines.set(key, { seq, line });
    }
  }

  #seal(run: ModelRun, manifest: any): [number, unknown] {
    if (!["planned", "transferring"].includes(run.state)) throw [409, "wrong_state", { state: run.state }];
    checkManifest(manifest);
    if (manifest.entries < run.manifest.entries) throw [422, "manifest_shrinks"];
    Object.assign(run, { manifest, sealed: true, state: "verifying" });
    return [200, this.snapshot(run)];
  }

  #receiptAnswer(run: ModelRun): [number, unknown] {
    if (run.state === "verifying" && this.verifies) this.#verify(run);
    if (run.state === "completed" && !run.dry_run) return [200, receiptOf(run)];
    return [202, this.snapshot(run)];
  }

  #verify(run: ModelRun): void {
    for (const key of [...run.lines.keys()]) if (this.lose(key, run)) run.lines.delete(key);
    const mismatch = Object.fromEntries(
      Object.entries(differing(run.manifest, linesOf(run))).map(([name, buckets]) => [name, Object.keys(buckets)]),
    );
    if (Object.keys(mismatch).length) {
      run.rounds++;
      Object.assign(run, { mismatch, sealed: false, state: run.rounds > 3 ? "failed" : "transferring" });
      return;
    }
    Object.assign(run, { state: "completed", mismatch: null });
    if (run.purpose !== "migrate" || run.dry_run) return;
    for (const [key, { line }] of run.lines) {
      const code = this.setAside(key);
      if (code) this.#aside.push({ key_json: JSON.stringify(key), collection: "", fingerprint: wire(sha(line)), code });
      else this.#recordsOf(run.owner).set(key, line);
    }
  }

  #recordsOf(owner: string): Map<string, string> {
    if (!this.records.has(owner)) this.records.set(owner, new Map());
    return this.records.get(owner)!;
  }

  #backups() {
    return [...this.runs.values()].map(({ id, lines }) => ({ id, run: id, entries: lines.size, state: "sealed" }));
  }
}
