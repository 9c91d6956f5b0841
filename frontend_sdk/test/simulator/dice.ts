/** Chance that can be had again: the same seed throws the same. */
export interface Dice {
  /** From 0 up to, but not including, 1. */
  (): number;
  /** A whole number below `count`. */
  below(count: number): number;
  pick<T>(list: readonly T[]): T;
  chance(likely: number): boolean;
}

export const createDice = (seed: number): Dice => {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 0;
  const roll = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(roll() * count);
  return Object.assign(roll, {
    below,
    pick: <T>(list: readonly T[]): T => list[below(list.length)]!,
    chance: (likely: number): boolean => roll() < likely,
  });
};
