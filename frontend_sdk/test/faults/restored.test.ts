import { describe, expect, it } from "vitest";
import { createDice } from "../simulator/dice.js";
import { INVARIANTS } from "../simulator/invariants/index.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();
const POINTS = 10;

describe("a database restored from an older dump", () => {
  it.each(upTo(POINTS))("has everything again that a browser still holds, and all of them agree: dump after %i of ten writes", async (point) => {
    for (const seed of upTo(size(5, 50))) {
      const { world, browser } = await play(seed);
      const dice = createDice(seed);
      const devices = [browser(upTo(8).map((n): [string, string] => [`k${n}`, `${n}`])), browser()];
      await rest(world);
      let dump = world.server.dump();
      for (const n of upTo(POINTS)) {
        if (n === point) dump = world.server.dump();
        const { profile } = dice.pick(devices);
        // One that is offline learns of it later than the other.
        if (dice.chance(0.15)) profile.online = !profile.online;
        write(profile, `k${dice.below(10)}`, world.newValue(profile, false));
        await world.clock.pass(dice.below(dice.pick([100, 3000])));
      }
      const acked = world.server.recordsOf("anna").held();
      world.server.restore(dump);
      // What was overwritten since the dump is only where a browser still has it.
      for (const [{ area }, written] of world.history.written)
        for (const [key, value] of written) if (area.items.get(key) !== value) written.delete(key);
      const { profile } = dice.pick(devices);
      write(profile, "after", "written after it");
      for (const one of devices) {
        one.profile.online = true;
        one.tab.fire("online");
      }
      await rest(world);
      const held = world.server.recordsOf("anna").held();
      expect(held.get("after")).toBe("written after it");
      for (const key of acked.keys()) expect(held.has(key)).toBe(true);
      // What lost against another device's copy is kept as the loser of a conflict.
      expect([...INVARIANTS.lastWords!(world)]).toEqual([]);
      isQuiet(world);
    }
  }, 600_000);

  it("goes on with a run that it does not know", async () => {
    for (const seed of upTo(size(6, 50))) {
      const { world, browser } = await play(seed);
      const { profile, tab } = browser(upTo(100).map((n): [string, string] => [`k${n}`, "x".repeat(10_000)]));
      tab.client.uninstall();
      const dump = world.server.dump();
      let result: unknown;
      void tab.client.startMigration().then(async ({ done }) => (result = await done));
      await world.clock.pass(createDice(seed).below(1500));
      world.server.restore(dump);
      for (let n = 0; !result && n < 3000; n++) await world.clock.pass(100);
      expect(result).toMatchObject({ ok: true });
      // One that was over before that is over; the page's next one begins with what is missing.
      result = undefined;
      void tab.client.startMigration().then(async ({ done }) => (result = await done));
      for (let n = 0; !result && n < 3000; n++) await world.clock.pass(100);
      expect(world.server.recordsOf("anna").held()).toEqual(profile.area.items);
      isQuiet(world);
    }
  }, 600_000);
});
