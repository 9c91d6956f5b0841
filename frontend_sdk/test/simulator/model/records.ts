import { mergeValues } from "./merge.js";

/** The records of one owner, from semantics 2 and 6: what becomes of whatever arrives, and what is told of it. */

export type Policy = "INTERACTIVE" | "AUTO_SKIP" | "AUTO_OVERWRITE" | "AUTO_MERGE";

export interface Op {
  seq: number;
  line: string;
  base: number | null;
}

/** One revision of a record. */
export interface Version {
  line: string;
  revision: number;
  device: string;
  seq: number;
  cause: "op" | "run" | "resolution" | "rollback";
}

/** A device said what another one has written: the record stays the other's. */
interface Repetition {
  seq: number;
  revision: number;
}

export interface Conflict {
  id: number;
  key: string;
  winner: "arriving" | "server" | "none";
  state: "open" | "decided";
  /** The revision that stood when it came to this. */
  revision: number;
  base: number | null;
  loser: { line: string; device: string; seq: number };
  choice?: string;
  /** The line of whoever chose one of their own. */
  own?: string;
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

interface Kept {
  versions: Version[];
  repetitions: Map<string, Repetition>;
}

/** What is left out for once, to see who notices. */
export interface Gaps {
  noDedupe?: boolean;
  oldChunks?: boolean;
}

export const keyOf = (line: string): string => JSON.parse(line)[0];
export const valueOf = (line?: string): string | undefined => (line === undefined ? undefined : JSON.parse(line)[1]);

const isJson = (value: string | undefined): boolean => {
  try {
    JSON.parse(value!);
    return true;
  } catch {
    return false;
  }
};

export class Records {
  revision = 0;
  policy: Policy = "AUTO_MERGE";
  refuse: (key: string) => string | undefined = () => undefined;
  conflicts: Conflict[] = [];
  keys = new Map<string, Kept>();

  constructor(readonly gaps: Gaps = {}) {}

  current(key: string): Version | undefined {
    return this.keys.get(key)?.versions.at(-1);
  }

  /** What stands: deletions are not held. */
  held(): Map<string, string> {
    const found = [...this.keys.keys()].map((key) => [key, valueOf(this.current(key)?.line)] as const);
    return new Map(found.filter((pair): pair is [string, string] => pair[1] !== undefined));
  }

  /** Ops come in the order of their numbers, and of those of one key only the newest takes part. */
  arrive(device: string, ops: readonly Op[]): Outcome[] {
    const ordered = [...ops].sort((one, other) => one.seq - other.seq);
    const newest = new Map(ordered.map((op) => [keyOf(op.line), op]));
    const told = new Map<Op, Outcome>();
    const merging: Op[] = [];
    for (const op of ordered) {
      const { seq } = op;
      const reason = this.refuse(keyOf(op.line));
      if (reason) told.set(op, { seq, outcome: "refused", reason });
      else if (newest.get(keyOf(op.line)) !== op) told.set(op, { seq, outcome: "accepted" });
      else if (this.#isMergeable(device, op)) merging.push(op);
      else told.set(op, this.#judge(device, op));
    }
    for (const op of merging) told.set(op, this.#merge(device, op));
    return ops.map((op) => told.get(op)!);
  }

  /** The lines of a chunk, which have one number together and no base. */
  load(device: string, seq: number, lines: readonly string[], policy: Policy): void {
    for (const line of lines) if (!this.refuse(keyOf(line))) this.#decide(device, { seq, line, base: null }, "run", policy);
  }

  /** Somebody who decides a conflict writes what is to stand. */
  resolve(id: number, choice: string, own?: string): boolean {
    const conflict = this.conflicts.find((one) => one.id === id);
    if (!conflict) return false;
    const { loser, winner } = conflict;
    const stands = this.#standing(conflict);
    const [local, remote] = winner === "arriving" ? [stands, loser.line] : [loser.line, stands];
    const line = choice === "custom" ? own! : choice === "local" ? local! : remote!;
    if (conflict.choice === choice && (choice !== "custom" || conflict.own === line)) return true;
    this.#store({ line, device: "server", seq: 0, cause: "resolution" });
    Object.assign(conflict, { state: "decided", choice, own });
    return true;
  }

  open(): Conflict[] {
    return this.conflicts.filter(({ state }) => state === "open");
  }

  /** An open conflict as both sides and the base they grew from. */
  sides({ id, key, base, loser, revision }: Conflict) {
    const before = this.#at(key, base);
    const remote = this.current(key)?.line ?? null;
    return { id, base: before ?? null, local: loser.line, remote, who: loser.device, when: "", why: "", revision };
  }

  changes(device: string, since: number, limit: number) {
    const all = [...this.keys.keys()].map((key) => this.current(key)!).filter(({ revision }) => revision > since);
    const page = all.sort((one, other) => one.revision - other.revision).slice(0, limit);
    const more = page.length < all.length;
    const changes = page.map(({ line, revision, device: by, cause }) => ({ line, revision, own: by === device, cause }));
    return { revision: this.revision, until: more ? page.at(-1)!.revision : this.revision, more, changes };
  }

  #standing(conflict: Conflict): string | undefined {
    if (conflict.state === "open") return this.current(conflict.key)?.line;
    return this.keys.get(conflict.key)?.versions.find(({ revision }) => revision === conflict.revision)?.line;
  }

  /** The line of a key at a revision. */
  #at(key: string, revision: number | null): string | undefined {
    if (revision === null) return undefined;
    return this.keys.get(key)?.versions.filter((one) => one.revision <= revision).at(-1)?.line;
  }

  #store(version: Omit<Version, "revision">): number {
    const key = keyOf(version.line);
    if (!this.keys.has(key)) this.keys.set(key, { versions: [], repetitions: new Map() });
    this.keys.get(key)!.versions.push({ ...version, revision: ++this.revision });
    return this.revision;
  }

  /** The verdict of arrival, before policy: rules 1 to 3. */
  #verdict(device: string, { seq, line, base }: Op, cause: "op" | "run") {
    const key = keyOf(line);
    const current = this.current(key);
    if (!current) return "stored";
    if (current.line === line) return "unchanged";
    const { versions, repetitions } = this.keys.get(key)!;
    const isLater = (known: number) => (cause === "op" ? known >= seq : known > seq);
    const isOurs = current.device === device;
    const mindful = !(this.gaps.noDedupe || (cause === "run" && this.gaps.oldChunks));
    if (mindful) {
      if (isOurs && (cause === "run" && current.cause === "run" ? seq < current.seq : seq <= current.seq)) return "superseded";
      const said = repetitions.get(device);
      if (said && isLater(said.seq)) return "superseded";
    }
    if (isOurs && base === null) return "stored";
    if (valueOf(current.line) === undefined && current.cause === "rollback") return "stored";
    if (base !== null && current.revision <= base) return "stored";
    const others = base === null || versions.some((one) => one.revision > base && one.device !== device);
    if (isOurs && !others) return "stored";
    const written = versions.slice(0, -1).some((one) => one.device === device && isLater(one.seq));
    const disputed = this.conflicts.some(
      ({ key: of, loser }) => of === key && loser.device === device && isLater(loser.seq),
    );
    return mindful && (written || disputed) ? "superseded" : "disputed";
  }

  #isMergeable(device: string, op: Op): boolean {
    if (this.policy !== "AUTO_MERGE" || op.base === null || this.#verdict(device, op, "op") !== "disputed") return false;
    return isJson(valueOf(op.line)) && isJson(valueOf(this.current(keyOf(op.line))!.line));
  }

  #merge(device: string, op: Op): Outcome {
    const { seq, line, base } = op;
    const key = keyOf(line);
    const current = this.current(key)!;
    const merged = mergeValues(valueOf(this.#at(key, base)), valueOf(current.line), valueOf(line));
    if (!merged) return this.#judge(device, op);
    const result = JSON.stringify([key, merged.value]);
    const revision = result === current.line ? current.revision : this.#store({ line: result, device, seq, cause: "op" });
    if (result === current.line) this.#repeat(device, seq, current);
    const told = { seq, revision, policy: "AUTO_MERGE" };
    if (!merged.ties) return result === line ? { seq, outcome: "accepted", revision } : { ...told, outcome: "merged", line: result };
    const loser = { line: current.line, device: current.device, seq: current.seq };
    const conflict = this.#journal({ key, winner: "arriving", state: "decided", revision, base, loser });
    return result === line ? { ...told, outcome: "conflict", conflict } : { ...told, outcome: "merged", line: result, conflict };
  }

  #judge(device: string, op: Op): Outcome {
    const { seq, line } = op;
    const key = keyOf(line);
    const before = this.#trace(device, seq, key);
    const known = this.#known(device, seq, key, before);
    const { verdict, revision, conflict } = this.#decide(device, op, "op");
    const held = this.current(key)!.line;
    const policy = known ? this.policy : undefined;
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
    const told = { seq, outcome: "conflict", policy: this.policy, conflict, revision } as const;
    return verdict === "won" ? told : { ...told, line: held };
  }

  /** The op itself, come before. */
  #trace(device: string, seq: number, key: string): { revision: number; line: string } | undefined {
    const kept = this.keys.get(key);
    const version = kept?.versions.find((one) => one.device === device && one.seq === seq && one.cause === "op");
    if (version) return version;
    const said = kept?.repetitions.get(device);
    if (said?.seq !== seq) return undefined;
    return kept!.versions.find(({ revision }) => revision === said.revision);
  }

  /** The conflict the op was told of before. */
  #known(device: string, seq: number, key: string, before?: { revision: number }): Conflict | undefined {
    const of = this.conflicts.filter((one) => one.key === key && (!before || one.revision === before.revision));
    const mine = ({ winner, loser }: Conflict) =>
      (winner === "arriving" && before) || (loser.device === device && loser.seq === seq);
    return of.filter(mine).at(-1);
  }

  #repeat(device: string, seq: number, current: Version): void {
    if (current.device === device) current.seq = Math.max(current.seq, seq);
    else {
      const { repetitions } = this.keys.get(keyOf(current.line))!;
      if ((repetitions.get(device)?.seq ?? -1) < seq) repetitions.set(device, { seq, revision: current.revision });
    }
  }

  #decide(device: string, op: Op, cause: "op" | "run", policy = this.policy) {
    const { seq, line, base } = op;
    const key = keyOf(line);
    const current = this.current(key)!;
    const verdict = this.#verdict(device, op, cause);
    if (verdict === "stored") return { verdict, revision: this.#store({ line, device, seq, cause }) };
    if (verdict === "unchanged") this.#repeat(device, seq, current);
    if (verdict !== "disputed") return { verdict, revision: current.revision };
    const wins = policy === "AUTO_OVERWRITE" || (policy === "AUTO_MERGE" && valueOf(line) !== undefined);
    const lost = wins ? current : { line, device, seq };
    const revision = wins ? this.#store({ line, device, seq, cause }) : current.revision;
    const [winner, state] = wins ? (["arriving", "decided"] as const)
      : policy === "INTERACTIVE" ? (["none", "open"] as const) : (["server", "decided"] as const);
    const loser = { line: lost.line, device: lost.device, seq: lost.seq };
    const conflict = this.#journal({ key, winner, state, revision, base, loser });
    return { verdict: wins ? ("won" as const) : ("lost" as const), revision, conflict };
  }

  /** The same loser over the same revision again is the same conflict. */
  #journal(made: Omit<Conflict, "id">): number {
    const { key, revision, loser } = made;
    const known = this.conflicts.find((one) => one.key === key && one.revision === revision && one.loser.line === loser.line);
    if (!known) return this.conflicts.push({ ...made, id: this.conflicts.length + 1 });
    known.loser.seq = Math.max(known.loser.seq, loser.seq);
    return known.id;
  }
}
