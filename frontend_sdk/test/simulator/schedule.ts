import { ACTIONS } from "./actions/index.js";
import { createDice, type Dice } from "./dice.js";

/** What happens in which order: made from a seed alone, so that steps can be left out and the others stay the same. */
export interface Step {
  action: string;
  /** The seed of whatever the action leaves to chance. */
  chance: number;
  /** Time that passes afterwards, in ms. */
  wait: number;
}

/** Actions that are likelier than usual, and how many times. */
export type Often = Record<string, number>;

const drawn = (dice: Dice, often: Often): string => {
  const weights = Object.entries(ACTIONS).map(([name, { likely }]) => [name, likely * (often[name] ?? 1)] as const);
  let left = dice() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of weights) if ((left -= weight) < 0) return name;
  return "write";
};

export const makeSchedule = (seed: number, length: number, often: Often = {}): Step[] => {
  const dice = createDice(seed ^ 0x5eed);
  return Array.from({ length }, () => ({
    action: drawn(dice, often),
    chance: dice.below(2 ** 31),
    // Often so short that the next step falls into the midst of something.
    wait: dice.below(dice.pick([6, 60, 300, 1500, 8000])),
  }));
};

/** Leaves out steps for as long as it still fails. */
export const shrink = async (steps: Step[], fails: (steps: Step[]) => Promise<boolean>): Promise<Step[]> => {
  let left = steps;
  for (let size = left.length >> 1; size; size >>= 1)
    for (let at = 0; at < left.length; ) {
      const fewer = [...left.slice(0, at), ...left.slice(at + size)];
      if (await fails(fewer)) left = fewer;
      else at += size;
    }
  return left;
};
