import { describe, expect, it } from "vitest";
import { createDice } from "../simulator/dice.js";
import { INVARIANTS } from "../simulator/invariants/index.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();

/** How somebody else comes to sit before a browser: with a page that begins anew, or under one that stays open. */
const WAYS = ["signs in on a new page", "signs in under the open page", "signs out first"] as const;

describe("somebody else on the same device", () => {
  it.each(WAYS)("is given nothing of whom the data belongs to, and nothing of it is sent: %s", async (way) => {
    let refused = 0;
    for (const seed of upTo(size(34, 100))) {
      const { world, browser } = await play(seed);
      const dice = createDice(seed);
      const { profile, tab } = browser(upTo(20).map((n): [string, string] => [`k${n}`, `${n}`]));
      if (dice.chance(0.4)) void tab.client.startMigration();
      // From the first byte of the first upload to long after it.
      await world.clock.pass(dice.below(dice.pick([30, 300, 3000])));
      for (const n of upTo(dice.below(5))) {
        write(profile, `k${n}`, world.newValue(profile, false));
        await world.clock.pass(dice.below(200));
      }
      const sent = profile.seal !== undefined;
      if (way === "signs out first") profile.signIn(null);
      if (way === "signs in under the open page") profile.person = "bert";
      else profile.signIn("bert");
      write(profile, "k1", world.newValue(profile, false));
      await world.clock.pass(60_000);
      const [open] = profile.tabs;
      if (sent) {
        expect(open!.client.pending.paused).toBe("claimed_by_other");
        expect(world.server.recordsOf("bert").revision).toBe(0);
        refused++;
      }
      const here = [...profile.area.items];
      // Whose it is comes back, and finds everything.
      const owner = profile.seal ?? "anna";
      profile.signIn(owner);
      await rest(world);
      expect([...profile.area.items]).toEqual(here);
      expect([...INVARIANTS.seals!(world), ...INVARIANTS.acknowledged!(world), ...INVARIANTS.lastWords!(world)]).toEqual([]);
      isQuiet(world);
    }
    expect(refused).toBeGreaterThan(size(10, 40));
  }, 600_000);
});
