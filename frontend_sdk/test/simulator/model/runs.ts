import { isDeepStrictEqual } from "node:util";
import { checkManifest, differing, linesOf, receiptOf, snapshotOf, type ModelRun } from "../../support/runs.js";
import type { Policy } from "./arrivals.js";
import { keyOf } from "./lines.js";
import { Refused, type Request } from "./wire.js";

/** Runs: chunks are stored, loaded by workers some time later, and verified against a manifest. */

export interface Run extends ModelRun {
  device: string;
  /** Of its conflicts: the app's, or what the page asked for. */
  policy: Policy;
  /** The owner's part of the epoch it began under: a rollback ends it. */
  epoch: number;
}

/** A chunk that waits for a worker. */
export interface Stored {
  run: Run;
  device: string;
  seq: number;
  lines: string[];
}

/** What runs need of the server they are part of. */
interface House {
  policy(): Policy;
  epochOf(owner: string): string;
  /** The owner's part of it. */
  ownEpoch(owner: string): number;
  holdFence(headers: Record<string, string>): void;
  /** A run is about to begin. */
  began(run: Run): void;
  load(chunk: Stored): void;
  /** Calls a worker after so many ms. */
  ring(ms: number, work: () => void): void;
}

const OPEN = ["planned", "transferring"];

export class Runs {
  #runs = new Map<string, Run>();
  #stored = new Set<Stored>();

  constructor(readonly house: House) {}

  of(owner: string, id: string): Run | undefined {
    const run = this.#runs.get(id);
    return run?.owner === owner ? run : undefined;
  }

  hasReceipt(owner: string, device: string | undefined): boolean {
    return [...this.#runs.values()].some(
      (run) => run.owner === owner && run.device === device && run.state === "completed" && run.purpose === "migrate" && !run.dry_run,
    );
  }

  /** Chunks are loaded by workers, some time after they were stored: at most so many ms. */
  loadingMs = 3000;

  forget(): void {
    this.#runs.clear();
  }

  answer(request: Request, path: string, owner: string): [number, unknown] {
    const { method, json, headers } = request;
    if (path === "/runs" && method === "POST") return this.#create(owner, headers, json);
    const [, id, rest] = /^\/runs\/([^/]+)(.*)$/.exec(path) ?? [];
    const run = this.of(owner, id ?? "");
    if (!run) throw new Refused(404, "not_found");
    if (rest === "/missing") return [200, { differing: differing(json, linesOf(run)) }];
    if (rest === "/seal") {
      // The very seal, come again.
      if (run.sealed && isDeepStrictEqual(run.manifest, json.manifest)) return [200, this.#snapshot(run)];
      this.house.holdFence(headers);
      return this.#seal(run, json.manifest);
    }
    if (rest === "/receipt") return this.#receipt(run);
    if (rest === "/resume" && run.state === "failed")
      Object.assign(run, { state: "transferring", sealed: false, epoch: this.house.ownEpoch(owner) });
    const [, chunk] = /^\/chunks\/(.+)$/.exec(rest ?? "") ?? [];
    if (!chunk) return [200, this.#snapshot(run)];
    if (run.chunks.has(chunk)) return [200, { id: chunk, status: "stored" }];
    this.#refuseClosed(run);
    this.house.holdFence(headers);
    this.#keep(run, chunk, Number(headers["Migration-Seq"]), request.body!);
    return [201, { id: chunk, status: "stored" }];
  }

  /** Loads and verifies all that waits, as workers do that look at everything; false where nothing did. */
  work(): boolean {
    const waiting = [...this.#stored].filter(({ run }) => this.#isOfNow(run)).sort((one, other) => one.seq - other.seq);
    // Of what one device says of a key in one batch only the last is looked at.
    const last = new Map<string, Stored>();
    const placeOf = ({ run, device }: Stored, line: string) => JSON.stringify([run.owner, device, keyOf(line)]);
    for (const chunk of waiting) for (const line of chunk.lines) last.set(placeOf(chunk, line), chunk);
    for (const chunk of waiting) chunk.lines = chunk.lines.filter((line) => last.get(placeOf(chunk, line)) === chunk);
    for (const chunk of waiting) this.load(chunk);
    const verifying = [...this.#runs.values()].filter(({ state }) => state === "verifying");
    for (const run of verifying) this.#verify(run);
    return waiting.length + verifying.length > 0;
  }

  load(chunk: Stored): void {
    const { run } = chunk;
    if (!this.#isOfNow(run) || !this.#stored.delete(chunk) || this.#runs.get(run.id) !== run) return;
    this.house.load(chunk);
  }

  #snapshot(run: Run) {
    return snapshotOf(run, this.house.epochOf(run.owner));
  }

  /** Nothing of a run is taken or loaded after its owner was rolled back. */
  #isOfNow(run: Run): boolean {
    return run.epoch === this.house.ownEpoch(run.owner);
  }

  #refuseClosed(run: Run): void {
    if (!OPEN.includes(run.state)) throw new Refused(409, "wrong_state", { state: run.state });
    if (!this.#isOfNow(run)) throw new Refused(409, "stale_epoch");
  }

  #create(owner: string, headers: Record<string, string>, json: any): [number, unknown] {
    const known = this.#runs.get(json.id);
    if (known) return [200, this.#snapshot(known)];
    checkManifest(json.manifest);
    this.house.holdFence(headers);
    const run: Run = {
      ...{ id: json.id, owner, state: "planned", sealed: false, paused: false, number: 0, mismatch: null, rounds: 0 },
      ...{ purpose: json.purpose, dry_run: json.dry_run, manifest: json.manifest, lines: new Map(), chunks: new Map() },
      device: headers["Migration-Device"]!,
      policy: json.options?.conflictResolution ?? this.house.policy(),
      epoch: this.house.ownEpoch(owner),
    };
    this.#runs.set(run.id, run);
    this.house.began(run);
    for (const { id, seq, data } of json.chunks ?? []) this.#keep(run, id, seq, Buffer.from(data, "base64").toString());
    if (json.seal) this.#seal(run, json.manifest);
    return [201, this.#snapshot(run)];
  }

  /** Stores a chunk; a worker loads it some time later. */
  #keep(run: Run, chunk: string, seq: number, payload: string): void {
    const lines = payload.split("\n").slice(0, -1);
    run.chunks.set(chunk, chunk);
    if (run.state === "planned") run.state = "transferring";
    for (const line of lines) if ((run.lines.get(keyOf(line))?.seq ?? 0) <= seq) run.lines.set(keyOf(line), { seq, line });
    const stored = { run, device: run.device, seq, lines };
    this.#stored.add(stored);
    this.house.ring((seq * 997 + lines.length * 101) % this.loadingMs, () => this.load(stored));
  }

  #seal(run: Run, manifest: any): [number, unknown] {
    this.#refuseClosed(run);
    checkManifest(manifest);
    Object.assign(run, { manifest, sealed: true, state: "verifying" });
    return [200, this.#snapshot(run)];
  }

  #receipt(run: Run): [number, unknown] {
    // What waits to be loaded never will be: another run has to begin.
    if (!this.#isOfNow(run) && this.#waits(run)) throw new Refused(409, "stale_epoch");
    if (run.state === "verifying") this.#verify(run);
    return run.state === "completed" ? [200, receiptOf(run)] : [202, this.#snapshot(run)];
  }

  #waits(run: Run): boolean {
    return run.state === "verifying" && [...this.#stored].some((chunk) => chunk.run === run);
  }

  #verify(run: Run): void {
    if (this.#waits(run)) return;
    const found = Object.entries(differing(run.manifest, linesOf(run)));
    const mismatch = Object.fromEntries(found.map(([name, buckets]) => [name, Object.keys(buckets)]));
    if (!found.length) Object.assign(run, { state: "completed", mismatch: null });
    else Object.assign(run, { mismatch, sealed: false, state: ++run.rounds > 3 ? "failed" : "transferring" });
  }
}
