import { describe, expect, it } from "vitest";
import type { Tab } from "../simulator/browser/tab.js";
import { createDice } from "../simulator/dice.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();

describe("several tabs", () => {
  it.each([2, 3, 5])("have one that speaks at a time, and another within two seconds where that one dies: %i", async (count) => {
    for (const seed of upTo(size(4, 17))) {
      const { world, browser } = await play(seed);
      const dice = createDice(seed);
      const speaking: { tab: Tab; at: number }[] = [];
      const { profile, tab } = browser([["a", "1"]]);
      tab.kill();
      const open = () => {
        const page: { tab?: Tab } = {};
        page.tab = profile.open({
          fetch: ((address: string, init: RequestInit) => {
            if (address.endsWith("/records")) speaking.push({ tab: page.tab!, at: world.clock.now });
            return world.network.fetch(page.tab!, address, init);
          }) as typeof fetch,
        });
      };
      for (const _ of upTo(count)) open();
      await rest(world);
      for (const n of upTo(3)) {
        // Written in any of them, and the one that speaks dies before it can have said so, or in the midst of it.
        const leader = speaking.at(-1)!.tab;
        write(profile, "a", `${seed}/${n}`);
        await world.clock.pass(dice.below(250));
        if (dice.chance(0.5)) leader.fire("pagehide");
        await world.clock.pass(dice.below(5));
        leader.kill();
        const sent = speaking.length;
        await world.clock.pass(2000);
        expect(world.server.recordsOf("anna").held().get("a")).toBe(`${seed}/${n}`);
        const after = new Set(speaking.slice(sent).map((one) => one.tab));
        expect(after.has(leader)).toBe(false);
        expect(after.size).toBeLessThanOrEqual(1);
        open();
        await rest(world);
        // Whoever leads now says something, so that the next round knows it.
        write(profile, "b", `${n}`);
        await rest(world);
      }
      expect(world.server.recordsOf("anna").conflicts).toEqual([]);
      isQuiet(world);
    }
  }, 600_000);
});
