import { createDice, type Dice } from "./dice.js";
import type { World } from "./world.js";

/**
 * What a world suffers from, from its beginning until everybody is to come to rest. Two seeds in five have one; the
 * others still have whole schedules of what happens to good browsers on an honest line.
 */
export interface Hardship {
  begin?(world: World): void;
  /** Between two steps of the schedule. */
  between?(world: World, dice: Dice): Promise<void>;
  end?(world: World): void;
}

const LONG_MS = 172_800_000;
const SLEPT_MS = [20_000, 600_000, LONG_MS];

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
  /** A disk that does not keep what IndexedDB gives it: from the first failure on a page has its memory alone. */
  failing: {
    begin: ({ profiles: [, ...forgetful], seed }) => {
      const dice = createDice(seed ^ 0xd15c);
      for (const { database } of forgetful) database.failing = dice.pick([0.001, 0.01, 0.1, 1]);
    },
    // Whoever lost what it knew of the server at the very end has no time left to learn it.
    end: ({ profiles }) => profiles.forEach(({ database }) => (database.failing = 0)),
  },
  /** Machines fall asleep in the midst of something, for a nap or, all of them, for days. */
  sleepy: {
    async between({ profiles, clock }, dice) {
      if (!dice.chance(0.08)) return;
      const ms = dice.pick(SLEPT_MS);
      for (const profile of ms === LONG_MS ? profiles : [dice.pick(profiles)]) profile.sleep(ms);
      await clock.pass(ms);
    },
  },
} satisfies Record<string, Hardship>;

export type HardshipName = keyof typeof HARDSHIPS;

/** The name of a seed's hardship, if it has one; the seed's other chances stay as they are. */
export const hardshipOf = (seed: number): HardshipName | undefined => {
  const dice = createDice(seed ^ 0xbad);
  return dice.chance(0.6) ? undefined : dice.pick(Object.keys(HARDSHIPS) as HardshipName[]);
};
