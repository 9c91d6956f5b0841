import type { Profile } from "./browser/profile.js";
import type { Tab } from "./browser/tab.js";
import type { Request } from "./model/wire.js";
import { valueOf } from "./model/lines.js";
import { Witness } from "./witness.js";
import type { World } from "./world.js";

/** What an onlooker has seen: who wrote and deleted what, what went over the wire, what was acknowledged. */

export interface Acknowledged {
  owner: string;
  device: string;
  seq: number;
  line: string;
}

export class History {
  /** What was found to be wrong while it happened. */
  readonly wrongs: string[] = [];
  acknowledged: Acknowledged[] = [];
  /** The page's last write of each key, by profile; crashes and evictions take it back. */
  readonly written = new Map<Profile, Map<string, string>>();
  /** Keys a page has deleted, by profile. */
  readonly deleted = new Map<Profile, Set<string>>();
  /** What pages were shown, and what became of their storage. */
  readonly witness: Witness;
  readonly #devices = new Map<string, Profile>();

  constructor(readonly world: World) {
    this.witness = new Witness(world, (wrong) => this.wrongs.push(wrong));
  }

  writes(profile: Profile, key: string, value: string | undefined): void {
    this.witness.writes(profile, key, value);
    if (value !== undefined) return void of(this.written, profile, () => new Map()).set(key, value);
    of(this.deleted, profile, () => new Set()).add(key);
    this.written.get(profile)?.delete(key);
  }

  /** A browser or somebody threw keys away, and nobody's page meant it. */
  loses(profile: Profile, keys: Iterable<string>): void {
    for (const key of keys) {
      this.written.get(profile)?.delete(key);
      this.witness.loses(profile, key);
    }
  }

  /** Nothing is left of what a browser had, not even of what another one has deleted there. */
  evicts(profile: Profile): void {
    this.written.delete(profile);
    this.witness.evicts(profile);
  }

  /** The SDK is about to put something into a page's storage. */
  puts(tab: Tab, key: string, value: string | undefined): void {
    this.witness.puts(tab, key, value);
  }

  /** Somebody restored the database: what was said before is as if it had never been. */
  forgets(): void {
    this.acknowledged = [];
    this.witness.forgets();
  }

  arriving(tab: Tab, { path, headers, json }: Request): void {
    const { server } = this.world;
    const { profile } = tab;
    const owner = server.ownerOf((headers.Authorization ?? "").replace("Bearer ", ""));
    if (owner) this.witness.speaks(tab, owner, headers["Migration-Device"]!);
    const carries = path === "/records" && json?.ops ? true : path === "/runs" ? !!json : path.includes("/chunks/");
    if (!owner || !carries) return;
    this.#devices.set(headers["Migration-Device"]!, profile);
    const adopts = profile.seal?.startsWith("guest-") && !owner.startsWith("guest-");
    if (profile.seal === undefined || adopts) profile.seal = owner;
    if (profile.seal !== owner) this.wrongs.push(`data of ${profile.seal} was sent as ${owner}`);
    profile.sealsEver.add(owner);
    for (const { line } of json?.ops ?? []) this.#watch(profile, owner, line);
  }

  answered(tab: Tab, { path, headers, json }: Request, status: number, body: any): void {
    const config = path === "/config" && status === 200 ? body : body?.config;
    if (config) this.witness.told(tab, config);
    if (path !== "/records" || !json?.ops || status !== 200) return;
    // Said before somebody restored the database, and heard after: it is as if it had been heard before.
    if (body.timeline !== this.world.server.timeline) return;
    const owner = this.world.server.ownerOf((headers.Authorization ?? "").replace("Bearer ", ""));
    const device = headers["Migration-Device"]!;
    for (const { seq, outcome, revision } of body.outcomes) {
      const { line } = json.ops.find((op: { seq: number }) => op.seq === seq);
      if (outcome !== "refused" && revision !== null && owner) this.acknowledged.push({ owner, device, seq, line });
      if (outcome === "accepted" && revision !== null) this.witness.acknowledged(tab.profile, line);
    }
  }

  profileOf(device: string): Profile | undefined {
    return this.#devices.get(device);
  }

  #watch(profile: Profile, owner: string, line: string): void {
    const [key] = JSON.parse(line);
    const current = this.world.server.recordsOf(owner).current(key);
    // To say that something is gone which is gone deletes nothing; and a rollback leaves a browser what it reads, also
    // where that is nothing: it says so when it is back.
    const stands = valueOf(current?.line) !== undefined && current?.cause !== "rollback";
    if (valueOf(line) === undefined && stands && !this.deleted.get(profile)?.has(key))
      this.wrongs.push(`${key} was deleted by profile ${profile.number}, where nobody deleted it`);
  }
}

const of = <K, V>(map: Map<K, V>, key: K, make: () => V): V => map.get(key) ?? map.set(key, make()).get(key)!;
