import { sha } from "./hashes.js";

/** The records of one owner, written from the rules of arrival and nothing else. */

interface Version {
  line: string;
  revision: number;
  device: string;
  seq: number;
  cause?: string;
}

export interface Dispute {
  id: number;
  key: string;
  base: string | null;
  local: string;
  remote: string;
  who: string;
  when: string;
  why: string;
}

export type Policy = "INTERACTIVE" | "AUTO_SKIP" | "AUTO_OVERWRITE" | "AUTO_MERGE";

export interface Op {
  seq: number;
  line: string;
  base: number | null;
}

const keyOf = (line: string): string => JSON.parse(line)[0];
const isDeletion = (line: string): boolean => JSON.parse(line).length === 1;
const same = (a: string, b: string): boolean => sha(a).equals(sha(b));

export class OwnerRecords {
  revision = 0;
  timeline = "t";
  policy: Policy = "AUTO_MERGE";
  /** How two values become one; undefined is a tie, which the arriving write wins. */
  merge: (base: string | undefined, theirs: string, arriving: string) => string | undefined = () => undefined;
  /** Keys that are refused, with the reason. */
  refuse: (key: string) => string | undefined = () => undefined;
  readonly conflicts: Dispute[] = [];
  readonly #versions = new Map<string, Version[]>();

  /** What is held: deletions are not. */
  held(): [string, string][] {
    return [...this.#versions.values()].flatMap((versions) => {
      const { line } = versions.at(-1)!;
      return isDeletion(line) ? [] : [JSON.parse(line) as [string, string]];
    });
  }

  /** The latest line of each key, deletions among them. */
  lines(): string[] {
    return [...this.#versions.values()].map((versions) => versions.at(-1)!.line);
  }

  /** Forgets deletions up to a revision. */
  prune(horizon: number): void {
    for (const [key, versions] of this.#versions) {
      const { line, revision } = versions.at(-1)!;
      if (isDeletion(line) && revision <= horizon) this.#versions.delete(key);
    }
  }

  value(key: string): string | undefined {
    const line = this.#versions.get(key)?.at(-1)?.line;
    return line && JSON.parse(line)[1];
  }

  /** Another device's write, or a rollback's. */
  write(key: string, value?: string, cause?: string, device = "elsewhere"): number {
    const line = JSON.stringify(value === undefined ? [key] : [key, value]);
    return this.#store({ line, device, seq: 0, cause });
  }

  #store(version: Omit<Version, "revision">): number {
    const key = keyOf(version.line);
    const revision = ++this.revision;
    this.#versions.set(key, [...(this.#versions.get(key) ?? []), { ...version, revision }]);
    return revision;
  }

  arrive(device: string, ops: Op[]) {
    const outcomes = ops.map((op) => ({ seq: op.seq, ...this.#arrive(device, op) }));
    return { timeline: this.timeline, revision: this.revision, outcomes };
  }

  #arrive(device: string, { seq, line, base }: Op): Record<string, unknown> {
    const key = keyOf(line);
    const reason = this.refuse(key);
    if (reason) return { outcome: "refused", revision: null, reason };
    const versions = this.#versions.get(key) ?? [];
    const current = versions.at(-1);
    if (current && same(current.line, line)) return { outcome: "accepted", revision: current.revision };
    if (current?.device === device && seq <= current.seq) return { outcome: "accepted", revision: current.revision };
    const since = versions.filter(({ revision }) => revision > (base ?? 0));
    const others = since.some((version) => version.device !== device);
    if (!current || !others) return { outcome: "accepted", revision: this.#store({ line, device, seq }) };
    return this.#dispute(device, seq, line, versions.find(({ revision }) => revision === base)?.line, current);
  }

  #dispute(device: string, seq: number, line: string, base: string | undefined, current: Version) {
    const key = keyOf(line);
    const policy = this.policy;
    const merged = policy === "AUTO_MERGE" ? this.merge(base, current.line, line) : undefined;
    if (merged !== undefined)
      return { outcome: "merged", policy, revision: this.#store({ line: merged, device, seq }), line: merged };
    if (policy === "AUTO_MERGE" || policy === "AUTO_OVERWRITE")
      return { outcome: "conflict", policy, revision: this.#store({ line, device, seq }) };
    const known = this.conflicts.find((one) => one.local === line && one.key === key);
    const id = known?.id ?? this.conflicts.length + 1;
    const told = { base: base ?? null, local: line, remote: current.line, who: current.device, when: "", why: policy };
    if (!known && policy === "INTERACTIVE") this.conflicts.push({ id, key, ...told });
    return { outcome: "conflict", policy, conflict: id, revision: current.revision, line: current.line };
  }

  resolve(id: number, { choice, line }: { choice: string; line?: string }): void {
    const at = this.conflicts.findIndex((one) => one.id === id);
    const [{ local, remote }] = this.conflicts.splice(at, 1) as [Dispute];
    const chosen = choice === "custom" ? line! : choice === "local" ? local : remote;
    this.#store({ line: chosen, device: "server", seq: 0, cause: "resolution" });
  }

  read(keys: string[]) {
    const records = keys.map((key) => {
      const { line, revision } = this.#versions.get(key)?.at(-1) ?? { line: JSON.stringify([key]), revision: 0 };
      return { line, revision };
    });
    return { timeline: this.timeline, revision: this.revision, records };
  }

  changes(device: string, since: number, limit: number) {
    const all = [...this.#versions.values()].map((versions) => versions.at(-1)!).filter(({ revision }) => revision > since);
    const page = all.sort((a, b) => a.revision - b.revision).slice(0, limit);
    return {
      timeline: this.timeline,
      revision: this.revision,
      until: page.length < all.length ? page.at(-1)!.revision : this.revision,
      more: page.length < all.length,
      changes: page.map(({ line, revision, device: by, cause }) => ({ line, revision, own: by === device, cause })),
    };
  }
}
