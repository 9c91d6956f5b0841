import { isJson, keyOf, valueOf } from "./lines.js";
import { mergeValues } from "./merge.js";
import type { Conflict, Gaps, Records, Version } from "./records.js";

/** What becomes of whatever arrives at an owner's records, from semantics 2 and 6. */

export type Policy = "INTERACTIVE" | "AUTO_SKIP" | "AUTO_OVERWRITE" | "AUTO_MERGE";

export interface Op {
  seq: number;
  line: string;
  base: number | null;
}

export interface Outcome {
  seq: number;
  outcome: "accepted" | "merged" | "conflict" | "refused";
  revision?: number;
  line?: string;
  reason?: string;
  policy?: string;
  conflict?: number;
}

/** Under which terms a device writes. */
export interface Terms {
  device: string;
  policy: Policy;
  /** Why a key is refused by itself. */
  refuse(key: string): string | undefined;
  /** Whether the server has the last word on ties of a key. */
  yields(key: string): boolean;
  gaps: Gaps;
}

/** Ops come in the order of their numbers, and of those of one key only the newest takes part. */
export const arrive = (records: Records, terms: Terms, ops: readonly Op[]): Outcome[] => {
  const arrivals = new Arrivals(records, terms);
  const ordered = [...ops].sort((one, other) => one.seq - other.seq);
  const told = new Map<Op, Outcome>();
  const taken: Op[] = [];
  for (const op of ordered) {
    const reason = terms.refuse(keyOf(op.line));
    if (reason) told.set(op, { seq: op.seq, outcome: "refused", reason });
    else taken.push(op);
  }
  const newest = new Map(taken.map((op) => [keyOf(op.line), op]));
  const merging: Op[] = [];
  for (const op of taken) {
    if (newest.get(keyOf(op.line)) !== op) told.set(op, { seq: op.seq, outcome: "accepted" });
    else if (arrivals.isMergeable(op)) merging.push(op);
    else told.set(op, arrivals.judge(op));
  }
  for (const op of merging) told.set(op, arrivals.merge(op));
  return ops.map((op) => told.get(op)!);
};

/** The lines of a chunk, which have one number together and no base. */
export const load = (records: Records, terms: Terms, run: string, seq: number, lines: readonly string[]): void => {
  const arrivals = new Arrivals(records, terms);
  for (const line of lines) if (!terms.refuse(keyOf(line))) arrivals.decide({ seq, line, base: null }, run);
};

class Arrivals {
  constructor(
    readonly records: Records,
    readonly terms: Terms,
  ) {}

  isMergeable(op: Op): boolean {
    if (this.terms.policy !== "AUTO_MERGE" || op.base === null || this.#verdict(op) !== "disputed") return false;
    return isJson(valueOf(op.line)) && isJson(valueOf(this.records.current(keyOf(op.line))!.line));
  }

  merge(op: Op): Outcome {
    const { seq, line, base } = op;
    const { records, terms } = this;
    const { device } = terms;
    const key = keyOf(line);
    const current = records.current(key)!;
    const yields = terms.yields(key);
    const merged = mergeValues(valueOf(records.at(key, base)?.line), valueOf(current.line), valueOf(line), !yields);
    if (!merged) return this.judge(op);
    const result = JSON.stringify([key, merged.value]);
    const revision = result === current.line ? current.revision : records.store({ line: result, device, seq, cause: "op" });
    if (result === current.line) records.repeat(device, seq, current);
    const told = { seq, revision, policy: "AUTO_MERGE" };
    if (!merged.ties) return result === line ? { seq, outcome: "accepted", revision } : { ...told, outcome: "merged", line: result };
    const winner = yields ? "server" : "arriving";
    const loser = yields ? { line, device, seq } : { line: current.line, device: current.device, seq: current.seq };
    const conflict = records.journal({ key, winner, state: "decided", revision, base, loser });
    return result === line ? { ...told, outcome: "conflict", conflict } : { ...told, outcome: "merged", line: result, conflict };
  }

  judge(op: Op): Outcome {
    const { seq, line } = op;
    const key = keyOf(line);
    const before = this.#trace(seq, key);
    const known = this.#known(seq, key, before);
    const { verdict, revision, conflict } = this.decide(op);
    const held = this.records.current(key)!.line;
    const policy = known && this.terms.policy;
    if (verdict === "superseded" || verdict === "unchanged") {
      const stands = before?.revision ?? revision;
      const shown = verdict === "superseded" ? held : undefined;
      const told = { seq, revision: stands, ...(policy && { policy }), ...(known && { conflict: known.id }) };
      if (before && before.line !== line) return { ...told, outcome: "merged", policy: "AUTO_MERGE", line: shown };
      if (known && known.winner === "arriving" && before) return { ...told, outcome: "conflict" };
      if (known) return { ...told, outcome: "conflict", line: shown };
      if (verdict === "superseded" && !before) return { seq, outcome: "accepted" };
      return { seq, outcome: "accepted", revision: stands };
    }
    if (verdict === "stored") return { seq, outcome: "accepted", revision };
    const told = { seq, outcome: "conflict", policy: this.terms.policy, conflict, revision } as const;
    return verdict === "won" ? told : { ...told, line: held };
  }

  /** `run` is the one whose chunk brought it. */
  decide(op: Op, run?: string) {
    const { seq, line, base } = op;
    const { records, terms } = this;
    const { device, policy } = terms;
    const key = keyOf(line);
    const current = records.current(key)!;
    const verdict = this.#verdict(op, run);
    const version = { line, device, seq, cause: run ? ("run" as const) : ("op" as const), ...(run && { run }) };
    if (verdict === "stored") return { verdict, revision: records.store(version) };
    if (verdict === "unchanged") records.repeat(device, seq, current);
    if (verdict !== "disputed") return { verdict, revision: current.revision };
    const wins = policy === "AUTO_OVERWRITE" || (policy === "AUTO_MERGE" && this.#winsTie(line, current));
    const lost = wins ? current : { line, device, seq };
    const revision = wins ? records.store(version) : current.revision;
    const [winner, state] = wins ? (["arriving", "decided"] as const)
      : policy === "INTERACTIVE" ? (["none", "open"] as const) : (["server", "decided"] as const);
    const loser = { line: lost.line, device: lost.device, seq: lost.seq };
    const conflict = records.journal({ key, winner, state, revision, base, loser });
    return { verdict: wins ? ("won" as const) : ("lost" as const), revision, conflict };
  }

  /** An edit beats a delete; of two edits the stage says which one stands. */
  #winsTie(line: string, current: Version): boolean {
    return valueOf(line) !== undefined && (valueOf(current.line) === undefined || !this.terms.yields(keyOf(line)));
  }

  /** The verdict of arrival, before policy: rules 1 to 3. */
  #verdict({ seq, line, base }: Op, run?: string) {
    const { device, gaps } = this.terms;
    const key = keyOf(line);
    const current = this.records.current(key);
    if (!current) return "stored";
    if (current.line === line) return "unchanged";
    const { versions, repetitions } = this.records.keys.get(key)!;
    const isLater = (known: number) => (run ? known > seq : known >= seq);
    const isOurs = current.device === device;
    const mindful = !(gaps.noDedupe || (run && gaps.oldChunks));
    if (mindful) {
      if (isOurs && (run && current.cause === "run" ? seq < current.seq : seq <= current.seq)) return "superseded";
      const said = repetitions.get(device);
      if (said && isLater(said.seq)) return "superseded";
    }
    if (isOurs && base === null) return "stored";
    if (valueOf(current.line) === undefined && current.cause === "rollback") return "stored";
    if (base !== null && current.revision <= base) return "stored";
    const others = base === null || versions.some((one) => one.revision > base && one.device !== device);
    if (isOurs && !others) return "stored";
    const written = versions.slice(0, -1).some((one) => one.device === device && isLater(one.seq));
    const disputed = this.records.conflicts.some(
      ({ key: of, loser }) => of === key && loser.device === device && isLater(loser.seq),
    );
    return mindful && (written || disputed) ? "superseded" : "disputed";
  }

  /** The op itself, come before. */
  #trace(seq: number, key: string): { revision: number; line: string } | undefined {
    const { device } = this.terms;
    const kept = this.records.keys.get(key);
    const version = kept?.versions.find((one) => one.device === device && one.seq === seq && one.cause === "op");
    if (version) return version;
    const said = kept?.repetitions.get(device);
    if (said?.seq !== seq) return undefined;
    return kept!.versions.find(({ revision }) => revision === said.revision);
  }

  /** The conflict the op was told of before. */
  #known(seq: number, key: string, before?: { revision: number }): Conflict | undefined {
    const { device } = this.terms;
    const of = this.records.conflicts.filter((one) => one.key === key && (!before || one.revision === before.revision));
    const mine = ({ winner, loser }: Conflict) =>
      (winner === "arriving" && before) || (loser.device === device && loser.seq === seq);
    return of.filter(mine).at(-1);
  }
}
