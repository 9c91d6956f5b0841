import { createDice } from "./dice.js";
import type { World } from "./world.js";

/**
 * What a world is like from its beginning until everybody is to come to rest. One seed in five has one, so that
 * the others still have whole schedules of what happens in good browsers.
 */
export interface Hardship {
  begin?(world: World): void;
  end?(world: World): void;
}

export const HARDSHIPS: Record<string, Hardship> = {
  /** The origin has filled its share of the disk: what does not fit is refused to the page as it would be without us. */
  full: {
    begin: ({ profiles, dice }) => profiles.forEach(({ area }) => (area.quota = area.size + 60 + dice.below(240))),
    end: ({ profiles }) => profiles.forEach(({ area }) => (area.quota = Infinity)),
  },
};

/** The name of a seed's hardship, if it has one; the seed's other chances stay as they are. */
export const hardshipOf = (seed: number): string | undefined => {
  const dice = createDice(seed ^ 0xbad);
  return dice.chance(0.8) ? undefined : dice.pick(Object.keys(HARDSHIPS));
};
