import type { Profile } from "./browser/profile.js";
import type { Tab } from "./browser/tab.js";
import type { Answer, Request } from "./model/wire.js";
import type { World } from "./world.js";

/** What lies between a page and its server: requests and answers are lost, late, doubled and refused. */

/** Likelihoods; `late` is the longest delay in ms. */
export interface Weather {
  lostRequest: number;
  lostAnswer: number;
  twice: number;
  refused: number;
  late: number;
}

export const CALM: Weather = { lostRequest: 0, lostAnswer: 0, twice: 0, refused: 0, late: 40 };
export const ROUGH: Weather = { lostRequest: 0.1, lostAnswer: 0.15, twice: 0.1, refused: 0.1, late: 2000 };
export const STORM: Weather = { lostRequest: 0.3, lostAnswer: 0.3, twice: 0.3, refused: 0.3, late: 50_000 };

// What portals, proxies and balancers say in a server's place.
const STRANGE = ["", "null", "[]", "{}", '"ok"', '{"status":"ok"}', "<!doctype html><title>Sign in</title>"];
// No word of ours: not "400", which a page's own entry can cause.
const STRANGE_STATUSES = [200, 200, 200, 202, 403, 404, 511];

interface Socket {
  owner: string;
  tab: Tab;
  say(message: object): void;
  break(): void;
}

export class Network {
  weather: Weather = CALM;
  /** How likely an answer is somebody else's, or garbled. */
  garbled = 0;
  readonly #sockets = new Set<Socket>();
  readonly #underWay = new Set<{ tab: Tab }>();

  constructor(readonly world: World) {
    world.server.told = (owner, revision) => {
      for (const socket of this.#sockets) if (socket.owner === owner) socket.say({ type: "recordsChanged", revision });
    };
    world.server.toldEpoch = (owner) => {
      for (const socket of this.#sockets) {
        const epoch = world.server.cutover.epochOf(socket.owner);
        if ((owner ?? socket.owner) === socket.owner) socket.say({ type: "epochChanged", epoch });
      }
    };
  }

  /** A page's request, and what it hears of it. */
  fetch(tab: Tab, address: string, { method, headers, body, signal }: RequestInit): Promise<unknown> {
    const text = body instanceof Uint8Array ? Buffer.from(body).toString() : (body as string | undefined);
    const path = address.replace("https://server.test/api/v1", "");
    const sent = headers as Record<string, string>;
    const isJson = sent["Content-Type"] === "application/json";
    const request: Request = { method: method!, path, headers: sent, body: text, json: isJson ? JSON.parse(text!) : undefined };
    const under = { tab };
    this.#underWay.add(under);
    const travelled = new Promise((resolve, reject) => {
      const fail = () => reject(new TypeError("Failed to fetch"));
      signal?.addEventListener("abort", fail);
      const heard = (answer: Answer | undefined) =>
        this.world.clock.after(this.#delay(), () => (answer ? resolve(this.#response(tab, request, answer)) : fail()), tab);
      if (!tab.profile.online) return void this.world.clock.after(1, fail, tab);
      this.#travel(tab, request, heard);
    });
    return travelled.finally(() => this.#underWay.delete(under));
  }

  /** Whether some tab of a profile hears at once what becomes of whoever sits before it, and waits for nothing else. */
  hears(profile: Profile): boolean {
    const listens = [...this.#sockets].some(({ tab, owner }) => tab.alive && tab.profile === profile && owner === profile.owner);
    return listens && ![...this.#underWay].some(({ tab }) => tab.alive && tab.profile === profile);
  }

  /** Loses the sockets of a profile, and nobody is told. */
  forget(profile: Profile): void {
    for (const socket of this.#sockets) if (socket.tab.profile === profile) this.#sockets.delete(socket);
  }

  /** Breaks some of the sockets. */
  cut(): void {
    for (const socket of this.#sockets) if (this.world.dice.chance(0.5)) socket.break();
  }

  #travel(tab: Tab, request: Request, heard: (answer: Answer | undefined) => void): void {
    const { dice, clock } = this.world;
    const { lostRequest, lostAnswer, twice, refused } = this.weather;
    if (dice.chance(lostRequest)) return dice.chance(0.5) ? heard(undefined) : undefined;
    if (dice.chance(twice)) clock.after(this.#delay() + dice.below(20_000), () => this.#arrive(tab, request));
    const loses = dice.chance(lostAnswer);
    const refuses = dice.chance(refused);
    clock.after(this.#delay(), () => {
      if (refuses) return heard(this.#refusal());
      if (this.garbled && dice.chance(this.garbled)) return heard(this.#garbage(tab, request));
      const answer = this.#arrive(tab, request);
      if (!loses) heard(answer);
      else if (dice.chance(0.5)) heard(undefined);
    });
  }

  #delay(): number {
    const { dice } = this.world;
    const { late } = this.weather;
    return 1 + dice.below(dice.chance(0.2) ? late : Math.min(late, 60));
  }

  #refusal(): Answer {
    const status = this.world.dice.pick([429, 503, 500, 502]);
    const headers: Record<string, string> = this.world.dice.chance(0.5) ? { "Retry-After": "2" } : {};
    return { status, body: { code: status === 429 ? "rate_limited" : undefined }, headers };
  }

  /** Somebody else answers, whether the request got through or not; or half of the answer comes. */
  #garbage(tab: Tab, request: Request): Answer | undefined {
    const { dice } = this.world;
    const answer = dice.chance(0.5) ? this.#arrive(tab, request) : undefined;
    if (answer && dice.chance(0.3)) return { ...answer, garbled: JSON.stringify(answer.body).slice(0, dice.below(100)) };
    return { status: dice.pick(STRANGE_STATUSES), body: undefined, garbled: dice.pick(STRANGE) };
  }

  #arrive(tab: Tab, request: Request): Answer | undefined {
    const { server, history } = this.world;
    if (server.down) return undefined;
    history.arriving(tab, request);
    return server.answer(request);
  }

  #response(tab: Tab, request: Request, { status, body, headers = {}, garbled }: Answer) {
    if (garbled === undefined) this.world.history.answered(tab, request, status, body);
    return {
      status,
      ok: status < 300,
      headers: { get: (name: string) => headers[name] ?? null },
      text: async () => garbled ?? JSON.stringify(body),
    };
  }

  socketsOf(tab: Tab) {
    const { clock, server } = this.world;
    const sockets = this.#sockets;
    const network = this;
    return class {
      onmessage: ((event: { data: string }) => void) | null = null;
      onclose: (() => void) | null = null;
      #socket: Socket | undefined;
      constructor(address: URL | string, [, ticket]: string[]) {
        const owner = ticket!.replace("ticket.", "");
        // Nobody tells of runs: who wants to know asks.
        const isOwners = String(address).endsWith("/owner");
        clock.after(10, () => (isOwners ? this.#connect(owner) : this.onclose?.()), tab);
      }
      #connect(owner: string): void {
        if (server.down || !tab.profile.online || network.weather !== CALM) return this.onclose?.();
        const say = (message: object) =>
          clock.after(5, () => tab.profile.online && this.#socket && this.onmessage?.({ data: JSON.stringify(message) }), tab);
        this.#socket = { owner, tab, say, break: () => this.close() };
        sockets.add(this.#socket);
        say({ type: "snapshot", revision: server.recordsOf(owner).revision, epoch: server.cutover.epochOf(owner) });
      }
      close(): void {
        if (!this.#socket) return;
        sockets.delete(this.#socket);
        this.#socket = undefined;
        clock.after(1, () => this.onclose?.(), tab);
      }
    };
  }
}
