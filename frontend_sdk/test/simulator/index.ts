/**
 * The simulator of dual write: the SDK as it is, in browsers that are not, against a server written from the rules.
 *
 * A seed makes a schedule of steps (`schedule.ts`), each of them an action; afterwards all faults end, everything comes
 * to rest (`heal.ts`), and the invariants are asked. Where something new goes:
 *
 * - an action of pages, people, operators, browsers or the network: a row in one of the tables of `actions/`;
 * - a fault on the wire: a likelihood in `network.ts`, and a weather that has it;
 * - what a whole world suffers from: a row in `hardships.ts`;
 * - something that must always be true: a function in `invariants/`;
 * - what the server promises: `model/`, which is held against the real one over HTTP;
 * - what a page may be shown, read by read: `witness.ts`;
 * - a bug that must be noticed: a row in `bugs.ts`;
 * - a walk over the stages with everybody at work: `harness.ts`.
 */
import { ACTIONS } from "./actions/index.js";
import { look } from "./actions/page.js";
import { BUGS, type Bug, type BugName } from "./bugs.js";
import { loadSdk } from "./browser/sdk.js";
import { createDice } from "./dice.js";
import { HARDSHIPS, hardshipOf, type Hardship, type HardshipName } from "./hardships.js";
import { heal } from "./heal.js";
import { INVARIANTS } from "./invariants/index.js";
import { makeSchedule, type Step } from "./schedule.js";
import { World } from "./world.js";

export const STEPS = 100;

/** What a seed is played with: a bug put in on purpose, a hardship instead of its own, and somebody to tell each step. */
export interface Twist {
  bug?: BugName | undefined;
  hardship?: HardshipName | undefined;
  said?: (line: string) => void;
}

/** Plays a schedule and yields all that is wrong in the end. */
export const play = async (seed: number, steps: Step[], { bug, hardship, said }: Twist = {}): Promise<string[]> => {
  const { sabotage, gaps = {}, hardship: bugs }: Bug = bug ? BUGS[bug] : {};
  const world = new World(seed, await loadSdk(sabotage), gaps);
  // A bug is looked for where nothing else is wrong.
  const name = hardship ?? (bug ? bugs : hardshipOf(seed));
  const hard: Hardship | undefined = name && HARDSHIPS[name];
  said?.(`hardship: ${name ?? "none"}`);
  const restless: string[] = [];
  try {
    hard?.begin?.(world);
    await world.begin();
    const sorrows = createDice(seed ^ 0xbad5);
    for (const { action, chance, wait } of steps) {
      said?.(`${world.clock.now} ms: ${action}, then ${wait} ms`);
      await ACTIONS[action]!.act(world, createDice(chance));
      await world.clock.pass(wait);
      await hard?.between?.(world, sorrows);
      look(world);
    }
    hard?.end?.(world);
    restless.push(...(await heal(world)));
  } catch (error) {
    restless.push(String(error));
  }
  const wrongs = Object.values(INVARIANTS).flatMap((invariant) => [...invariant(world)]);
  for (const profile of world.profiles) for (const tab of [...profile.tabs]) tab.kill();
  return [...world.history.wrongs, ...wrongs, ...restless];
};

/** What is wrong with a seed, with the line that plays it again; empty where nothing is. */
export const simulate = async (seed: number, twist: Twist = {}): Promise<string> => {
  const wrongs = await play(seed, makeSchedule(seed, STEPS, twist.bug && (BUGS[twist.bug] as Bug).often), twist);
  const again = ["npm run -s simulate --", seed, twist.bug ?? twist.hardship].filter((word) => word !== undefined).join(" ");
  return wrongs.length ? [`seed ${seed}, again: ${again}`, ...wrongs.slice(0, 5)].join("\n  ") : "";
};
