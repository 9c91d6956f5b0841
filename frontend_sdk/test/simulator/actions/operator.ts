import type { Profile } from "../browser/profile.js";
import { REST, WHOLE, type Move, type Stage } from "../model/stages.js";
import type { World } from "../world.js";
import type { Action } from "./index.js";

/** What operators do: stages are raised and lowered, and owners go back. */

const PANIC_MS = 5000;
export const SHARES = [100, 2500, 5000, 7500, WHOLE];
const NAMES = [REST, REST, "objects"];
const OWNERS = ["anna", "anna", "bert"];

/** Raises or lowers a collection until it stands somewhere, as far as that is legal. */
export const goTo = (world: World, stage: Stage, collection = REST): void => {
  const { cutover } = world.server;
  for (;;) {
    const now = cutover.stages.asked(collection);
    if (now.stage === stage) return;
    const word = stageMove(now.stage, stage);
    if (word === "advance" && now.stage === "ramp" && now.percentage < WHOLE) cutover.move("set_percentage", collection, WHOLE);
    if (!cutover.move(word, collection)) return;
  }
};

const ORDER = ["off", "dual_write", "shadow", "ramp", "server_primary", "complete"];

const stageMove = (now: Stage, wanted: Stage): Move => {
  if (ORDER.indexOf(wanted) < ORDER.indexOf(now)) return "step_back";
  return now === "server_primary" ? "complete" : "advance";
};

/** Whether everybody at a browser hears at once what an operator does, and has nothing else to wait for. */
const hears = (profile: Profile): boolean =>
  profile.online && profile.world.network.hears(profile) && [...profile.tabs].every(({ client }) => client.pending.paused === null);

/** Within five seconds every open page reads its browser. */
const panic = async (world: World): Promise<void> => {
  const { profiles, server, clock, history, network } = world;
  const hearing = server.down || network.weather.lostRequest ? [] : profiles.filter(hears);
  const open = hearing.flatMap(({ tabs }) => [...tabs]);
  if (!server.cutover.move("panic") || !open.length) return;
  await clock.pass(PANIC_MS);
  for (const tab of open)
    void tab.client.get("a").then((answer) => {
      if (tab.alive && answer.ok && answer.from === "server") history.wrongs.push(`profile ${tab.profile.number} did not hear of the panic`);
    });
};

export const operator: Record<string, Action> = {
  raise: { likely: 4, act: ({ server: { cutover } }, dice) => {
    const name = dice.pick(NAMES);
    if (cutover.stages.asked(name).stage === "server_primary") return dice.chance(0.2) && cutover.move("complete", name);
    return cutover.move("advance", name, cutover.stages.asked(name).stage === "shadow" ? dice.pick(SHARES) : undefined);
  } },
  lower: { likely: 2, act: ({ server: { cutover } }, dice) => {
    const name = dice.pick(NAMES);
    // Off for all is a matter of its own.
    return cutover.stages.asked(name).stage !== "dual_write" && cutover.move("step_back", name);
  } },
  off: { likely: 0.5, act: (world, dice) => goTo(world, "off", dice.pick(NAMES)) },
  on: { likely: 3, act: (world) => {
    for (const name of new Set(NAMES)) if (world.server.cutover.stages.asked(name).stage === "off") goTo(world, "dual_write", name);
  } },
  flip: { likely: 3, act: ({ server: { cutover } }, dice) => cutover.move("set_percentage", dice.pick(NAMES), dice.pick(SHARES)) },
  panic: { likely: 0.7, act: panic },
  calm: { likely: 3, act: ({ server }) => server.cutover.move("release_panic") },
  compare: { likely: 0.5, act: ({ server }) => server.cutover.move("compare") },
  raiseEpoch: { likely: 1, act: ({ server }, dice) => server.cutover.raiseEpoch(dice.pick(OWNERS)) },
  putOn: { likely: 4, act: ({ server }, dice) => server.cutover.putOn(dice.pick(OWNERS)) },
};
