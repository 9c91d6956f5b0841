import { CALM, ROUGH, STORM } from "../network.js";
import type { Action } from "./index.js";

/** What becomes of the network. */
export const network: Record<string, Action> = {
  weather: { likely: 6, act: (world, dice) => (world.network.weather = dice.pick([CALM, CALM, ROUGH, ROUGH, STORM])) },
  offline: { likely: 3, act: (world, dice) => (dice.pick(world.profiles).online = false) },
  online: { likely: 6, act: (world, dice) => {
    const profile = dice.pick(world.profiles);
    profile.online = true;
    for (const tab of profile.tabs) tab.fire("online");
  } },
  cutSockets: { likely: 2, act: (world) => world.network.cut() },
};
