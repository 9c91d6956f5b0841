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

const TOTAL = Object.values(ACTIONS).reduce((sum, { likely }) => sum + likely, 0);

const drawn = (dice: Dice): string => {
  let left = dice() * TOTAL;
  for (const [name, { likely }] of Object.entries(ACTIONS)) if ((left -= likely) < 0) return name;
  return "write";
};

export const makeSchedule = (seed: number, length: number): Step[] => {
  const dice = createDice(seed ^ 0x5eed);
  return Array.from({ length }, () => ({
    action: drawn(dice),
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
