import { gzipSync } from "node:zlib";
import { bucketOf, globMatches, setDigest, sha, wire } from "./hashes.js";

/** A run of the model server, and what is said of it: nothing here changes one. */

interface StoredLine {
  seq: number;
  line: string;
}

export interface ModelRun {
  id: string;
  state: string;
  sealed: boolean;
  paused: boolean;
  number: number;
  purpose: string;
  dry_run: boolean;
  owner: string;
  manifest: any;
  lines: Map<string, StoredLine>;
  chunks: Map<string, string>;
  mismatch: Record<string, string[]> | null;
  rounds: number;
}

export const linesOf = (run: ModelRun): string[] => [...run.lines.values()].map(({ line }) => line);

export const snapshotOf = (run: ModelRun, epoch: string) => {
  const received = run.lines.size;
  const completed = run.state === "completed";
  return {
    id: run.id,
    state: run.state,
    purpose: run.purpose,
    dry_run: run.dry_run,
    sealed: run.sealed,
    paused: run.paused,
    cancelling: false,
    manifest_version: run.manifest.version,
    epoch,
    number: ++run.number,
    entries: {
      total: run.manifest.entries,
      received,
      processed: received,
      stored: received,
      unchanged: 0,
      superseded: 0,
      conflict: 0,
      quarantined: 0,
      withheld: run.manifest.withheld.count,
      deleted: 0,
    },
    bytes: { total: run.manifest.bytes, received: 0, processed: 0 },
    chunks: { received: run.chunks.size, loaded: run.chunks.size },
    phases: { upload: 1, validation: 1, backup: 1, load: 1, verification: completed ? 1 : 0 },
    percentage: completed ? 100 : 50,
    entries_per_second: 10,
    eta_seconds: 1,
    success_rate: 1,
    errors: [],
    mismatch: run.mismatch,
    verify_rounds: run.rounds,
    receipt: completed && !run.dry_run ? receiptOf(run) : null,
    can_rollback: true,
    created_at: "2026-01-01T00:00:00Z",
    finished_at: null,
  };
};

export const receiptOf = (run: ModelRun) => {
  const nothing = { entries: 0, digest: setDigest([]) };
  const lines = linesOf(run);
  const stored = { entries: lines.length, digest: setDigest(lines) };
  const { count: entries, digest } = run.manifest.withheld;
  const sets = { stored, conflict: nothing, quarantined: nothing, withheld: { entries, digest } };
  const statement = { iss: "syncserver", run: run.id, manifest_version: run.manifest.version, revision: lines.length, ...sets };
  return { receipt: "a.b.c", statement };
};

/** Throws what a manifest that does not add up is answered with. */
export const checkManifest = (manifest: any): void => {
  const sum = (name: string) => manifest.collections.reduce((total: number, one: any) => total + one[name], 0);
  if (sum("entries") !== manifest.entries || sum("bytes") !== manifest.bytes) throw [422, "manifest_invalid"];
  if (new Set(manifest.collections.map((one: any) => one.name)).size !== manifest.collections.length)
    throw [422, "manifest_invalid"];
};

/** The same a stretch of buckets at a time: half of them in one answer. */
export const compared = (said: { collections: any[]; first: string }, lines: string[]) => {
  const next = said.first < "80" ? "80" : null;
  const within = (bucket: string) => bucket >= said.first && (!next || bucket < next);
  const found = Object.entries(differing(said, lines)).map(
    ([name, buckets]) => [name, Object.entries(buckets).filter(([bucket]) => within(bucket))] as const,
  );
  const told = found.filter(([, buckets]) => buckets.length).map(([name, buckets]) => [name, Object.fromEntries(buckets)]);
  return { differing: Object.fromEntries(told), next };
};

/** What is held where bucket digests differ: by collection and bucket, keys with their fingerprints. */
export const differing = (said: { collections: any[] }, lines: string[]) => {
  const ours: Record<string, Record<string, [string, string][]>> = {};
  for (const line of lines) {
    const [key] = JSON.parse(line);
    const name =
      said.collections.find(({ patterns }) => patterns.some((one: string) => globMatches(one, key)))?.name ??
      "default";
    ((ours[name] ??= {})[bucketOf(key)] ??= []).push([key, line]);
  }
  const theirs = Object.fromEntries(said.collections.map(({ name, buckets }) => [name, buckets]));
  const found: Record<string, Record<string, [string, string][]>> = {};
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)]))
    for (const bucket of new Set([...Object.keys(ours[name] ?? {}), ...Object.keys(theirs[name] ?? {})])) {
      const pairs = ours[name]?.[bucket] ?? [];
      const digest = pairs.length ? setDigest(pairs.map(([, line]) => line)) : undefined;
      if (digest !== theirs[name]?.[bucket])
        (found[name] ??= {})[bucket] = pairs.map(([key, line]) => [JSON.stringify(key), wire(sha(line))]);
    }
  return found;
};

/** What the server says of an owner's lines. */
export const statisticsOf = (lines: string[], behind: number, since: number) => {
  const bytes = lines.reduce((sum, line) => sum + line.length, 0);
  const collections = [{ name: "default", records: lines.length, bytes }];
  return {
    database: { revision: lines.length, records: lines.length, tombstones: 0, bytes, collections },
    sync: { revision: lines.length, since, written: lines.length, behind },
  };
};

/** A backup as it is handed out. */
export const downloadOf = (run: ModelRun): [number, unknown, Record<string, string>] => {
  const lines = linesOf(run);
  const headers = { "Content-Type": "application/gzip", "Migration-Digest": setDigest(lines) };
  return [200, gzipSync(lines.map((line) => line + "\n").join("")), headers];
};
