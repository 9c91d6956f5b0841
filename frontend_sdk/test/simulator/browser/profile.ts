import type { MigrationClientOptions } from "../../../src/types.js";
import type { World } from "../world.js";
import { Area } from "./area.js";
import { Channels } from "./channels.js";
import { Database } from "./database.js";
import { Locks } from "./locks.js";
import { Tab } from "./tab.js";

/** One browser profile: what outlives its pages, and who sits before it. */
export class Profile {
  readonly area: Area;
  database: Database;
  readonly locks: Locks;
  readonly channels: Channels;
  readonly tabs = new Set<Tab>();
  online = true;
  hasLocks = true;
  /** How far this machine's clock is off. */
  skew = 0;
  /** When the clock was last set, in ms of the world. */
  clockSet = -Infinity;
  /** When this machine wakes, and how long it has slept in all. */
  asleepUntil = 0;
  slept = 0;
  /** When a page was last closed in peace. */
  closed = -Infinity;
  /** Who is signed in; null is somebody who signed out, undefined a guest. */
  person: string | null | undefined;
  /** Whose data this is, as far as the network has seen any of it go. */
  seal: string | undefined;
  readonly sealsEver = new Set<string>();
  #generation = -1;

  constructor(
    readonly world: World,
    readonly number: number,
  ) {
    const { clock, dice } = world;
    this.area = new Area(clock);
    this.database = new Database(clock, dice);
    this.locks = new Locks(clock);
    this.channels = new Channels(clock);
  }

  wall(): number {
    return 1_800_000_000_000 + this.world.clock.now + this.skew;
  }

  /** The page's answer to who is signed in: a token it has, or with `refresh` a new one. */
  token(refresh: boolean): string | null {
    if (!this.person) return null;
    if (refresh || this.#generation < 0) this.#generation = this.world.server.generation;
    const claims = Buffer.from(JSON.stringify({ sub: this.person, generation: this.#generation })).toString("base64url");
    return `h.${claims}.s`;
  }

  /** Nothing here notices that time passes, but for the clock on the wall; nor that its sockets are gone. */
  sleep(ms: number): void {
    this.asleepUntil = this.world.clock.now + ms;
    this.slept += ms;
    this.world.network.forget(this);
  }

  open(options: Partial<MigrationClientOptions> = {}): Tab {
    const tab = new Tab(this.world, this, this.world.load, { ...this.world.options, ...options });
    this.tabs.add(tab);
    void tab.client.install();
    return tab;
  }

  /** Pages begin anew when somebody signs in or out. */
  signIn(person: string | null): void {
    if (person === this.person) return;
    this.person = person;
    this.#generation = -1;
    const open = [...this.tabs];
    for (const tab of open) tab.kill();
    for (const _ of open) this.open();
  }

  /** The account the network sees. */
  get owner(): string {
    return this.person ?? `guest-of-${this.number}`;
  }
}
