import { ACTIONS } from "./actions/index.js";
import { SHARES } from "./actions/operator.js";
import { loadSdk } from "./browser/sdk.js";
import { createDice, type Dice } from "./dice.js";
import type { Cutover } from "./model/cutover.js";
import type { Server } from "./model/server.js";
import type { Move } from "./model/stages.js";
import type { Answer, Request } from "./model/wire.js";
import { makeSchedule } from "./schedule.js";
import { World } from "./world.js";

/**
 * Conversations with the model server, written down so that the real one can be asked the same: what browsers sent, and
 * what a network and a tab that overslept make of it, with the model's answers.
 */

/** How the server stands when it is asked. */
interface Standing {
  /** What the acts before have come to, by owner. */
  epochs: Record<string, string>;
  timeline: string;
  /** Tokens below it have expired. */
  generation: number;
}

/** What an operator does: to a collection's stage, or to an owner. */
interface Act {
  does: Move | "put_on" | "raise_epoch";
  collection?: string;
  share?: number;
  owner?: string;
}

/** One request and its answer, or an operator's act, or, without either, workers that do whatever waits. */
export interface Turn {
  standing: Standing;
  act?: Act;
  request?: Omit<Request, "json">;
  status?: number;
  body?: unknown;
}

export interface Recording {
  seed: number;
  policy: string;
  /** Where the app stands when it begins, at which epoch. */
  begins: { stage: string; percentage: number; epoch: number };
  /** Shares between which all owners stay on one side. */
  shares: number[];
  buckets: Record<string, number>;
  turns: Turn[];
  /** What is held in the end, by owner: every version in the order of revisions, and every conflict. */
  owners: Record<string, { versions: unknown[]; conflicts: unknown[] }>;
}

// These two are about data that is older than what was said: there is no dump of the real one to restore.
const INSTEAD: Record<string, (server: Server) => void> = {
  dump: () => {},
  restore: (server) => (server.timeline = `t${Number(server.timeline.slice(1)) + 1}`),
};
const MISCHIEF = 0.25;
const DECISIONS = 0.15;
// Steps between two runs that somebody starts.
const MOVING = 25;
// So small that chunks do not travel with the request that creates their run.
const APART = { create_bytes: 100, chunk_bytes: 200 };
const REMEMBERED = 30;

const isWrite = ({ method, path }: Request): boolean => method !== "GET" && path !== "/tickets" && path !== "/sessions";
const withHeaders = (request: Request, headers: Record<string, string>): Request => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

/** What else may be done to a request that was sent before: it comes again, as it was or out of date. */
const MISCHIEVOUS: ((request: Request) => Request)[] = [
  (request) => request,
  (request) => withHeaders(request, { "Migration-Fence": String(Math.max(1, Number(request.headers["Migration-Fence"] ?? 1) - 1)) }),
  (request) => withHeaders(request, { "Migration-Epoch": "0.1" }),
  (request) => ({ ...request, path: request.path.replace(/timeline=t\d+/, "timeline=t0") }),
  (request) => (request.json?.timeline ? withJson(request, { ...request.json, timeline: "t0" }) : request),
  // A tab that has forgotten what its writes were based on, and one that sends the last of them first.
  (request) => (request.json?.ops ? withJson(request, { ...request.json, ops: request.json.ops.map(blind) }) : request),
  (request) => (request.json?.ops ? withJson(request, { ...request.json, ops: [...request.json.ops].reverse() }) : request),
];

const blind = (op: object): object => ({ ...op, base: null });
const withJson = (request: Request, json: unknown): Request => ({ ...request, json, body: JSON.stringify(json) });

/** Old tokens would be all there is to say about most of it. */
const signedAnew = (request: Request, { generation }: Server): Request => {
  const [, claims = ""] = (request.headers.Authorization ?? "").split(".");
  if (!claims) return request;
  const { sub } = JSON.parse(Buffer.from(claims, "base64url").toString());
  const anew = Buffer.from(JSON.stringify({ sub, generation })).toString("base64url");
  return withHeaders(request, { Authorization: `Bearer h.${anew}.s` });
};

/** Somebody decides a conflict of whoever sent this, open or decided. */
const decide = (server: Server, request: Request, dice: Dice): Request | undefined => {
  const owner = server.ownerOf((request.headers.Authorization ?? "").replace("Bearer ", ""));
  const listed = owner === undefined ? [] : server.recordsOf(owner).conflicts;
  if (!listed.length) return undefined;
  const { id, key } = dice.pick(listed);
  const json = dice.pick([{ choice: "local" }, { choice: "remote" }, { choice: "custom", line: JSON.stringify([key, `own ${dice.below(9)}`]) }]);
  const { Authorization, "Migration-Device": device } = request.headers as Record<string, string>;
  const headers = { Authorization: Authorization!, "Migration-Device": device!, "Content-Type": "application/json" };
  return withJson({ method: "POST", path: `/conflicts/${id}/resolve`, headers }, json);
};

const OWNERS = ["anna", "bert"];

const standingOf = ({ cutover, timeline, generation }: Server): Standing => ({
  epochs: Object.fromEntries(OWNERS.map((owner) => [owner, cutover.epochOf(owner)])),
  timeline,
  generation,
});

/** Has every act of an operator's that comes to something written down. */
const watch = (server: Server, turns: Turn[]): void => {
  const { cutover } = server;
  const note = (act: Act, came: unknown): void => {
    if (came !== false) turns.push({ standing: standingOf(server), act });
  };
  const move = cutover.move.bind(cutover);
  cutover.move = (does, collection = "", share) => {
    const came = move(does, collection, share);
    note({ does, collection, ...(share !== undefined && { share }) }, came);
    return came;
  };
  const ofOwner = (name: "putOn" | "raiseEpoch", does: Act["does"]) => {
    const real = cutover[name].bind(cutover) as (owner: string) => boolean;
    cutover[name] = ((owner: string) => {
      const came = real(owner);
      note({ does, owner }, came);
      return came;
    }) as Cutover["putOn"];
  };
  ofOwner("putOn", "put_on");
  ofOwner("raiseEpoch", "raise_epoch");
};

/** Has everything said to the model written down, and meddles with it now and then; yields what has workers work. */
const overhear = ({ server }: World, dice: Dice, turns: Turn[]): (() => void) => {
  const answer = server.answer.bind(server);
  const sent: Request[] = [];
  const work = () => {
    if (server.work()) turns.push({ standing: standingOf(server) });
  };
  server.rung = work;
  watch(server, turns);
  const ask = (request: Request): Answer => {
    // Whoever asks for a receipt has workers look first: the real one has them do so by itself.
    if (request.path.includes("/receipt")) work();
    const standing = standingOf(server);
    const said = answer(request);
    const { json: _, ...rest } = request;
    turns.push({ standing, request: rest, status: said.status, body: said.body });
    return said;
  };
  server.answer = (request) => {
    const said = ask(request);
    if (isWrite(request)) sent.push(request);
    if (sent.length > REMEMBERED) sent.shift();
    const decision = dice.chance(DECISIONS) && decide(server, request, dice);
    if (decision) ask(decision);
    if (sent.length && dice.chance(MISCHIEF)) ask(signedAnew(dice.pick(MISCHIEVOUS)(dice.pick(sent)), server));
    return said;
  };
  return work;
};

const inTheEnd = ({ server }: World): Recording["owners"] =>
  Object.fromEntries(
    [...server.owners].map(([owner, { keys, conflicts }]) => {
      const versions = [...keys.values()].flatMap((kept) => kept.versions);
      return [owner, { versions: versions.sort((one, other) => one.revision - other.revision), conflicts }];
    }),
  );

/** Plays the steps of a seed, and no healing, which nobody asks a server for. */
export const record = async (seed: number, steps: number): Promise<Recording> => {
  const world = new World(seed, await loadSdk(), {});
  if (seed % 2) Object.assign(world.server.limits, APART);
  const turns: Turn[] = [];
  const { cutover } = world.server;
  const { stage, percentage } = cutover.stages.asked("");
  const begins = { stage, percentage, epoch: cutover.epoch };
  const buckets = Object.fromEntries(OWNERS.map((owner) => [owner, cutover.of(owner, undefined).bucket]));
  const work = overhear(world, createDice(seed ^ 0x0bad), turns);
  await world.begin();
  for (const [number, { action, chance, wait }] of makeSchedule(seed, steps).entries()) {
    if (number % MOVING === 0) await ACTIONS.move!.act(world, createDice(chance));
    if (INSTEAD[action]) INSTEAD[action](world.server);
    else await ACTIONS[action]!.act(world, createDice(chance));
    await world.clock.pass(wait);
  }
  for (const profile of world.profiles) for (const tab of [...profile.tabs]) tab.kill();
  work();
  return { seed, policy: world.server.policy, begins, shares: SHARES, buckets, turns, owners: inTheEnd(world) };
};
