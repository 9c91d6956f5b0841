import { keyOf, lineOf, valueOf } from "./lines.js";

/** The records of one owner: what is held, what was, and what lost. */

/** One revision of a record. */
export interface Version {
  line: string;
  revision: number;
  device: string;
  seq: number;
  cause: "op" | "run" | "resolution" | "rollback";
  /** The run that brought it, or, of a rollback, the one that had brought what came back. */
  run?: string;
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

interface Kept {
  versions: Version[];
  repetitions: Map<string, Repetition>;
}

/** What is left out for once, to see who notices. */
export interface Gaps {
  noDedupe?: boolean;
  oldChunks?: boolean;
}

export class Records {
  revision = 0;
  conflicts: Conflict[] = [];
  keys = new Map<string, Kept>();

  current(key: string): Version | undefined {
    return this.keys.get(key)?.versions.at(-1);
  }

  /** What stands: deletions are not held. */
  held(): Map<string, string> {
    const found = [...this.keys.keys()].map((key) => [key, valueOf(this.current(key)?.line)] as const);
    return new Map(found.filter((pair): pair is [string, string] => pair[1] !== undefined));
  }

  /** The version of a key at a revision. */
  at(key: string, revision: number | null): Version | undefined {
    if (revision === null) return undefined;
    return this.keys.get(key)?.versions.filter((one) => one.revision <= revision).at(-1);
  }

  store(version: Omit<Version, "revision">): number {
    const key = keyOf(version.line);
    if (!this.keys.has(key)) this.keys.set(key, { versions: [], repetitions: new Map() });
    this.keys.get(key)!.versions.push({ ...version, revision: ++this.revision });
    return this.revision;
  }

  /** A device said what stands already. */
  repeat(device: string, seq: number, current: Version): void {
    if (current.device === device) current.seq = Math.max(current.seq, seq);
    else {
      const { repetitions } = this.keys.get(keyOf(current.line))!;
      if ((repetitions.get(device)?.seq ?? -1) < seq) repetitions.set(device, { seq, revision: current.revision });
    }
  }

  /** The same loser over the same revision again is the same conflict. */
  journal(made: Omit<Conflict, "id">): number {
    const { key, revision, loser } = made;
    const same = (one: Conflict["loser"]) => one.line === loser.line && one.device === loser.device;
    const known = this.conflicts.find((one) => one.key === key && one.revision === revision && same(one.loser));
    if (!known) return this.conflicts.push({ ...made, id: this.conflicts.length + 1 });
    known.loser.seq = Math.max(known.loser.seq, loser.seq);
    return known.id;
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
    this.store({ line, device: "server", seq: 0, cause: "resolution" });
    Object.assign(conflict, { state: "decided", choice, own });
    return true;
  }

  open(): Conflict[] {
    return this.conflicts.filter(({ state }) => state === "open");
  }

  /** An open conflict as both sides and the base they grew from. */
  sides({ id, key, base, loser, revision }: Conflict) {
    const before = this.at(key, base)?.line;
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

  /** What stands under each of some keys, given as JSON; revision 0 where nothing ever did. */
  named(keys: readonly string[]) {
    return keys.map((json) => {
      const { line = lineOf(JSON.parse(json)), revision = 0 } = this.current(JSON.parse(json)) ?? {};
      return { line, revision };
    });
  }

  #standing(conflict: Conflict): string | undefined {
    if (conflict.state === "open") return this.current(conflict.key)?.line;
    return this.keys.get(conflict.key)?.versions.find(({ revision }) => revision === conflict.revision)?.line;
  }
}

/** The same once more, sharing nothing. */
export const copyOf = (records: Records): Records =>
  Object.assign(new Records(), {
    revision: records.revision,
    conflicts: structuredClone(records.conflicts),
    keys: structuredClone(records.keys),
  });
