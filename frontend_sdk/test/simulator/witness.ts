import type { Profile } from "./browser/profile.js";
import type { Tab } from "./browser/tab.js";
import { isKept, linesOf } from "./invariants/kept.js";
import { keyOf, lineOf, valueOf } from "./model/lines.js";
import type { Version } from "./model/records.js";
import type { World } from "./world.js";

/**
 * What each page was shown, and how new that was: nobody is shown an older value than one that was acknowledged to them
 * or shown before. A value is as new as its latest revision; what no server has yet, as the page's own order of writing.
 */

/** Nothing older than this may be shown. */
interface Floor {
  value: string | undefined;
  /** Its place among the writes of the key in this browser; halves are the server's, after the writes before them. */
  place: number;
  /** Halves: not on the server yet, but later than that revision. */
  revision: number;
}

/** The writes of one key in one browser. */
interface Writes {
  count: number;
  last: Map<string | undefined, number>;
  own: Floor | undefined;
}

/** The stages a page was told. */
interface Told {
  stages: { collection: string; requested: string; percentage: number; stage: string; reason: string; reads: string }[];
}

export type Channel = "localStorage" | "get";

/** Where a page's answer came from, as it says itself. */
interface Answer {
  from?: string;
  reason?: string;
}

/** An operator or a rollback has turned to the browser whatever it holds. */
const TURNED = /^(panic|owner_off|no_receipt|dual_write_off)$/;

const collectionOf = (key: string): string => (/^o/.test(key) ? "objects" : "");

export class Witness {
  #writes = new Map<Profile, Map<string, Writes>>();
  #seen = new Map<Tab, Map<string, Floor>>();
  #told = new Map<Tab, Told>();
  /** The smallest share an owner was within, and the largest it was not. */
  readonly #sides = new Map<string, { within: number; beyond: number }>();
  readonly #devices = new Map<Tab, string>();
  readonly #receipted = new Set<string>();
  /** Raised when a database was restored: what was asked before says nothing. */
  #life = 0;

  constructor(
    readonly world: World,
    readonly wrong: (what: string) => void,
  ) {}

  writes(profile: Profile, key: string, value: string | undefined): void {
    const writes = this.#writesOf(profile, key);
    writes.last.set(value, ++writes.count);
    const floor = { value, place: writes.count, revision: this.#revision(profile, key) + 0.5 };
    writes.own = value === undefined ? undefined : floor;
    // What was removed before anybody had it leaves nothing behind: whatever stands elsewhere may come.
    if (value === undefined) for (const tab of profile.tabs) for (const channel of CHANNELS) this.#seen.get(tab)?.delete(`${channel} ${key}`);
  }

  /** A browser lost it, or lost what was written last. */
  loses(profile: Profile, key: string): void {
    this.#writesOf(profile, key).own = undefined;
  }

  evicts(profile: Profile): void {
    for (const writes of this.#writes.get(profile)?.values() ?? []) writes.own = undefined;
  }

  forgets(): void {
    this.#life++;
    this.#seen.clear();
    for (const keys of this.#writes.values()) for (const writes of keys.values()) writes.own = undefined;
  }

  /** A page heard that its write stands. */
  acknowledged(profile: Profile, line: string): void {
    const [key, value] = [keyOf(line), valueOf(line)];
    const revision = this.#ageOf(profile, key, value);
    const place = this.#writesOf(profile, key).last.get(value);
    if (revision === undefined || place === undefined || value === undefined) return;
    for (const tab of profile.tabs) for (const channel of CHANNELS) this.#raise(tab, channel, key, { value, place, revision });
  }

  /** The device a page speaks as. */
  deviceOf(tab: Tab): string | undefined {
    return this.#devices.get(tab);
  }

  /** Whether it is this browser's own device: a page without its database is another one. */
  knowsItself(tab: Tab): boolean {
    return this.deviceOf(tab) === tab.profile.database.words.get("device");
  }

  told(tab: Tab, config: Told): void {
    this.#told.set(tab, config);
    const { owner } = tab.profile;
    const side = this.#sides.get(owner) ?? this.#sides.set(owner, { within: Infinity, beyond: -1 }).get(owner)!;
    for (const { requested, percentage, reason } of config.stages) {
      if (requested !== "ramp") continue;
      if (reason === "as_requested") side.within = Math.min(side.within, percentage);
      if (reason === "outside_percentage") side.beyond = Math.max(side.beyond, percentage);
    }
    if (side.beyond >= side.within) this.wrong(`${owner} was served at ${side.within}, and not at ${side.beyond}`);
  }

  /** Whether a page was told that the server answers for a key. */
  toldServed(tab: Tab, key: string): boolean | undefined {
    const { stages } = this.#told.get(tab) ?? {};
    const find = (name: string) => stages?.find(({ collection }) => collection === name);
    const line = find(collectionOf(key)) ?? find("");
    return line && line.reads === "server";
  }

  speaks(tab: Tab, owner: string, device: string): void {
    this.#devices.set(tab, device);
    if (this.world.server.runs.hasReceipt(owner, device)) this.#receipted.add(device);
  }

  /** A page looks into its storage. */
  looks(tab: Tab, key: string): void {
    const value = tab.profile.area.items.get(key);
    // What was emptied is asked for at the server, and comes back here when somebody says so.
    const channels: Channel[] = value === undefined ? ["localStorage"] : CHANNELS;
    this.#shows(tab, "localStorage", key, value, channels.flatMap((channel) => this.#floors(tab, channel, key)));
  }

  /** A page asks the SDK; what is yielded takes the answer. */
  asks(tab: Tab, key: string): (value: string | undefined, answer: Answer) => void {
    const life = this.#life;
    const floors = CHANNELS.flatMap((channel) => this.#floors(tab, channel, key));
    return (value, answer) => {
      if (life !== this.#life || !tab.alive) return;
      this.#fits(tab, key, answer);
      // Who turned to the browser in the meantime is shown what it holds.
      const turned = !!answer.reason && TURNED.test(answer.reason);
      // And what was emptied is the server's alone, until somebody says that it is to come back.
      const emptied = value === undefined && tab.client.pending.missing > 0;
      if (answer.from === "browser" && (turned || emptied)) this.#seen.get(tab)?.delete(`get ${key}`);
      else this.#shows(tab, "get", key, value, floors.filter(({ place }) => !this.#isRemoved(tab.profile, key, place)), answer);
    };
  }

  /** The SDK puts something into the storage of a page. */
  puts(tab: Tab, key: string, value: string | undefined): void {
    const { profile, world } = tab;
    const records = world.server.recordsOf(profile.owner);
    const before = profile.area.items.get(key);
    if (before !== undefined && before !== value && !isKept(lineOf(key, before), linesOf(records)))
      this.wrong(`profile ${profile.number}: ${key} = ${before}, which nobody else has, gave way to ${value}`);
    const current = records.current(key);
    // What a browser never had comes to it like anything else, and so does what a conflict was decided for.
    const lost = records.conflicts.some(({ loser }) => loser.line === lineOf(key, before));
    if (before !== undefined && !lost && current?.cause === "rollback" && valueOf(current.line) === value && this.toldServed(tab, key) === false)
      this.wrong(`profile ${profile.number}: a rollback changed ${key} from ${before} to ${value} where the browser answers`);
  }

  #fits(tab: Tab, key: string, { from }: Answer): void {
    const { number } = tab.profile;
    const device = this.deviceOf(tab);
    if (from === "server" && device && this.knowsItself(tab) && !this.#receipted.has(device))
      this.wrong(`profile ${number} has no receipt, and the server answered for ${key}`);
  }

  #shows(tab: Tab, channel: Channel, key: string, value: string | undefined, floors: Floor[], answer: Answer = {}): void {
    const { profile } = tab;
    // Nobody knows yet whose data this is.
    if (profile.seal !== undefined && profile.seal !== profile.owner) return;
    const older = floors.find((floor) => this.#isOlder(profile, key, value, floor));
    const how = [answer.from, answer.reason].filter(Boolean).join(", ");
    if (older)
      this.wrong(`${this.world.clock.now} ms, profile ${profile.number}: ${channel}${how && ` (${how})`} showed ${key} = ${value} after ${older.value}`);
    const place = this.#writesOf(profile, key).last.get(value);
    // Of a value that comes and goes, the first time it can have been: what came between is no step back.
    const since = this.#seen.get(tab)?.get(`${channel} ${key}`)?.revision ?? 0;
    const age = this.#versions(profile, key).find((one) => one.revision >= since && valueOf(one.line) === value)?.revision ?? this.#ageOf(profile, key, value);
    // What no server has is the page's own; and what never was here is not gone.
    if (age && (value !== undefined || this.#seen.get(tab)?.has(`${channel} ${key}`))) this.#raise(tab, channel, key, { value, revision: age, place: place ?? this.#writesOf(profile, key).count + 0.5 });
  }

  /** Whether a page has removed it since, and written nothing in its place. */
  #isRemoved(profile: Profile, key: string, place: number): boolean {
    const { last, own } = this.#writesOf(profile, key);
    return !own && (last.get(undefined) ?? -1) > place;
  }

  #isOlder(profile: Profile, key: string, value: string | undefined, floor: Floor): boolean {
    if (value === floor.value) return false;
    if ((this.#writesOf(profile, key).last.get(value) ?? -1) >= floor.place) return false;
    const age = this.#ageOf(profile, key, value);
    if (age !== undefined && age >= this.#known(profile, key, floor)) return false;
    const { conflicts } = this.world.server.recordsOf(profile.owner);
    const { last } = this.#writesOf(profile, key);
    // It lost, or what this page wrote over it did.
    const gaveWay = (lost: string | undefined) => lost === floor.value || (last.get(lost) ?? -1) > floor.place;
    return !conflicts.some((one) => one.key === key && gaveWay(valueOf(one.loser.line)));
  }

  /** What was the page's own may have come to the server since; what others came to write alike is another matter. */
  #known(profile: Profile, key: string, { value, revision }: Floor): number {
    if (Number.isInteger(revision)) return revision;
    const line = lineOf(key, value);
    const isIt = (one: Version) => one.line === line && this.world.history.profileOf(one.device) === profile;
    return this.#versions(profile, key).find((one) => one.revision > revision && isIt(one))?.revision ?? revision;
  }

  #floors(tab: Tab, channel: Channel, key: string): Floor[] {
    const { own } = this.#writesOf(tab.profile, key);
    const seen = this.#seen.get(tab)?.get(`${channel} ${key}`);
    return [own, seen].filter((one): one is Floor => !!one);
  }

  #raise(tab: Tab, channel: Channel, key: string, floor: Floor): void {
    if (!this.#seen.has(tab)) this.#seen.set(tab, new Map());
    const seen = this.#seen.get(tab)!;
    const before = seen.get(`${channel} ${key}`);
    if (!before || floor.place >= before.place || floor.revision >= before.revision) seen.set(`${channel} ${key}`, floor);
  }

  #writesOf(profile: Profile, key: string): Writes {
    if (!this.#writes.has(profile)) this.#writes.set(profile, new Map());
    const keys = this.#writes.get(profile)!;
    if (!keys.has(key)) keys.set(key, { count: 0, last: new Map(), own: undefined });
    return keys.get(key)!;
  }

  /** The owner's newest revision of a key. */
  #revision(profile: Profile, key: string): number {
    return this.world.server.recordsOf(profile.owner).current(key)?.revision ?? 0;
  }

  #versions(profile: Profile, key: string): Version[] {
    return this.world.server.recordsOf(profile.owner).keys.get(key)?.versions ?? [];
  }

  /** The newest revision that has a value; undefined where none does. */
  #ageOf(profile: Profile, key: string, value: string | undefined): number | undefined {
    const versions = this.#versions(profile, key);
    const line = lineOf(key, value);
    for (let at = versions.length - 1; at >= 0; at--) if (versions[at]!.line === line) return versions[at]!.revision;
    return value === undefined && !versions.length ? 0 : undefined;
  }
}

const CHANNELS: Channel[] = ["localStorage", "get"];
