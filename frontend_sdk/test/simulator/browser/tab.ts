import { createHash } from "node:crypto";
import type { MigrationClient, MigrationClientOptions } from "../../../src/types.js";
import type { Appointment, Living } from "../clock.js";
import type { World } from "../world.js";
import type { Profile } from "./profile.js";
import type { Globals, Load } from "./sdk.js";

/** One tab: a window with the SDK in it. What it is given ends with it. */

type Listener = (event: { type: string }) => void;

/** A window's listeners. */
const createTarget = () => {
  const listeners = new Map<string, Set<Listener>>();
  const of = (type: string) => listeners.get(type) ?? listeners.set(type, new Set()).get(type)!;
  return {
    addEventListener: (type: string, listener: Listener) => void of(type).add(listener),
    removeEventListener: (type: string, listener: Listener) => void of(type).delete(listener),
    dispatchEvent: (event: { type: string }) => [...of(event.type)].forEach((listener) => listener(event)),
  };
};

export class Tab implements Living {
  alive = true;
  readonly client: MigrationClient;
  /** The page's own view of its storage. */
  readonly storage: Storage;
  /** What reached the console: nothing of ours may. */
  readonly complaints: string[] = [];
  readonly #window = createTarget();
  readonly #document = { visibilityState: "visible" };
  /** The kind of page: with an account's token, or a guest's without one. */
  readonly signed: boolean;

  constructor(
    readonly world: World,
    readonly profile: Profile,
    load: Load,
    options: Partial<MigrationClientOptions>,
  ) {
    this.signed = profile.person !== undefined;
    this.storage = profile.area.view(this, (key) => this.#event({ type: "storage", key } as never));
    this.client = load(this.#globals())({
      url: "https://server.test",
      appKey: "pk_test",
      ...(this.signed && { token: async ({ refresh }) => profile.token(refresh) }),
      ...options,
    });
  }

  get asleepUntil(): number {
    return this.profile.asleepUntil;
  }

  fire(type: string): void {
    this.#window.dispatchEvent({ type });
  }

  hide(hidden: boolean): void {
    this.#document.visibilityState = hidden ? "hidden" : "visible";
    this.fire("visibilitychange");
  }

  /** Ends at this very moment, and says nothing. */
  kill(): void {
    this.alive = false;
    this.profile.area.forget(this);
    this.profile.locks.bury(this);
    this.profile.tabs.delete(this);
  }

  #event(event: { type: string }): void {
    this.world.clock.after(1, () => this.#window.dispatchEvent(event), this);
  }

  #globals(): Globals {
    const { world, profile } = this;
    const { clock, dice } = world;
    const performance = this.#performance();
    const wall = () => profile.wall();
    const page = {
      ...this.#window,
      localStorage: this.storage,
      location: { href: "https://app.test/" },
      indexedDB: profile.database.factory(this),
      navigator: { get onLine() { return profile.online; }, ...(profile.hasLocks && { locks: profile.locks.of(this) }) },
      document: this.#documentOf(),
      fetch: (address: string, init: RequestInit) => world.network.fetch(this, address, init),
      WebSocket: world.network.socketsOf(this),
      BroadcastChannel: profile.channels.of(this),
      MessageChannel: this.#messageChannel(),
      StorageEvent: undefined,
      CompressionStream: undefined,
      Storage: undefined,
      isSecureContext: true,
      console: { error: (...said: unknown[]) => this.complaints.push(said.map(String).join(" ")) },
      crypto: world.crypto,
      Math: Object.assign(Object.create(Math), { random: () => dice() }),
      Date: class extends Date {
        constructor(...given: []) {
          super(...(given.length ? given : ([wall()] as never)));
        }
        static override now = wall;
      },
      performance,
      setTimeout: (work: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
        clock.after(ms, () => work(...given), this),
      clearTimeout: (timer?: Appointment) => timer && (timer.work = undefined),
      ...this.#intervals(),
    };
    return { ...page, globalThis: page, window: page };
  }

  #intervals() {
    const { clock } = this.world;
    return {
      setInterval: (work: () => void, ms = 0) => {
        const turns = { next: undefined as Appointment | undefined };
        const turn = () => {
          turns.next = clock.after(ms, turn, this);
          work();
        };
        turns.next = clock.after(ms, turn, this);
        return turns;
      },
      clearInterval: (turns?: { next: Appointment }) => turns && (turns.next.work = undefined),
    };
  }

  #performance() {
    const { clock } = this.world;
    const { profile } = this;
    const awake = () => clock.now - profile.slept;
    const began = awake();
    return { now: () => awake() - began };
  }

  #messageChannel() {
    const { clock } = this.world;
    const tab: Living = this;
    return class {
      port1 = { onmessage: null as (() => void) | null, close: () => undefined };
      port2 = { postMessage: () => clock.after(0, () => this.port1.onmessage?.(), tab) };
    };
  }

  /** A document that can hold the hidden frame which hears of every change. */
  #documentOf() {
    const { area } = this.profile;
    // What is written through the frame is the SDK's.
    const puts = (key: string, value: string | undefined) => this.world.history.puts(this, key, value);
    const node = () => ({
      isConnected: true,
      style: { setProperty: () => undefined },
      remove: () => undefined,
      attachShadow: () => ({ append: () => undefined }),
      ...this.#frame((heard) => area.view(heard, heard, puts)),
    });
    return Object.assign(this.#document, { createElement: node, documentElement: { append: () => undefined } });
  }

  #frame(view: (heard: (key: string | null) => void) => Storage) {
    const { addEventListener, dispatchEvent } = createTarget();
    const say = (key: string | null) =>
      this.world.clock.after(1, () => dispatchEvent({ type: "storage", key, storageArea: localStorage } as never), this);
    const localStorage = view(say);
    return { contentWindow: { localStorage, addEventListener } };
  }
}

/** Random bytes and hashes without any thread beside this one. */
export const createCrypto = (below: (count: number) => number) => ({
  randomUUID: () => {
    const hex = Array.from({ length: 32 }, () => below(16).toString(16)).join("");
    return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");
  },
  getRandomValues: (bytes: Uint8Array) => bytes.map((_, at) => (bytes[at] = below(256))),
  subtle: { digest: async (_name: string, bytes: Uint8Array) => createHash("sha256").update(bytes).digest() },
});
