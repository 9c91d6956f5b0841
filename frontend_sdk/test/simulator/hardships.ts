import { createDice } from "./dice.js";
import type { World } from "./world.js";

/**
 * What a world suffers from, from its beginning until everybody is to come to rest. Two seeds in five have one; the
 * others still have whole schedules of what happens to good browsers on an honest line.
 */
export interface Hardship {
  begin(world: World): void;
  end?(world: World): void;
}

export const HARDSHIPS = {
  /** A portal or a proxy answers in the server's place, or garbles what it said. */
  garbage: {
    begin: ({ network, seed }) => (network.garbled = createDice(seed ^ 0x9a4b).pick([0.02, 0.1, 0.3])),
    end: ({ network }) => (network.garbled = 0),
  },
  /** An old browser: every tab leads. */
  lockless: {
    begin: ({ profiles }) => profiles.forEach((profile) => (profile.hasLocks = false)),
  },
} satisfies Record<string, Hardship>;

export type HardshipName = keyof typeof HARDSHIPS;

/** The name of a seed's hardship, if it has one; the seed's other chances stay as they are. */
export const hardshipOf = (seed: number): HardshipName | undefined => {
  const dice = createDice(seed ^ 0xbad);
  return dice.chance(0.6) ? undefined : dice.pick(Object.keys(HARDSHIPS) as HardshipName[]);
};
