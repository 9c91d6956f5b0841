import type { World } from "../world.js";
import { browser } from "./browser.js";
import { network } from "./network.js";
import { operator } from "./operator.js";
import { page } from "./page.js";
import { people } from "./people.js";
import { server } from "./server.js";

/** What may happen in one step. `likely` is a weight beside all others. Chance comes from the step's own dice. */
export interface Action {
  likely: number;
  act(world: World, dice: World["dice"]): unknown;
}

export const ACTIONS: Record<string, Action> = { ...page, ...browser, ...network, ...server, ...operator, ...people };
