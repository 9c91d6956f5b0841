import { describe, expect, it } from "vitest";
import type { Absence } from "../../src/types.js";
import { createDice } from "../simulator/dice.js";
import { valueOf } from "../simulator/model/lines.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();

const STORE = upTo(30).map((n): [string, string] => [`k${n}`, `${n}`]);
/** What takes a storage away: the page itself, the browser under a closed page, and the browser with all it knew. */
const WAYS = ["cleared", "evicted without the table", "evicted with the table"] as const;

describe("a storage that was wiped in the middle", () => {
  it.each(WAYS)("deletes nothing on the server, and comes back: %s", async (way) => {
    for (const seed of upTo(size(40, 200))) {
      const { world, browser } = await play(seed);
      const dice = createDice(seed);
      const { profile, tab } = browser(STORE);
      const absences: Absence[] = [];
      tab.client.on("absence", (absence) => absences.push(absence));
      // In the midst of the first upload, or of the writes after it.
      await world.clock.pass(dice.below(dice.pick([60, 2000])));
      for (const n of upTo(dice.below(6))) {
        write(profile, `k${dice.below(30)}`, `written ${n}`);
        await world.clock.pass(dice.below(300));
      }
      if (way === "cleared") tab.storage.clear();
      else {
        tab.kill();
        profile.area.evict();
        if (way === "evicted with the table") profile.database.wipe();
        profile.open();
      }
      await world.clock.pass(60_000);
      const { keys, owners } = { keys: world.server.recordsOf("anna").keys, owners: world.server.owners };
      const deleted = [...keys.values()].flatMap(({ versions }) => versions).filter(({ line }) => valueOf(line) === undefined);
      expect(deleted).toEqual([]);
      expect([...owners.keys()]).toEqual(["anna"]);
      const [open] = profile.tabs;
      const missing = open!.client.pending.missing;
      // With the table gone absence means nothing, and all comes back unasked; otherwise the page is asked.
      if (missing) {
        expect(way).not.toBe("evicted with the table");
        if (way === "cleared") expect(absences.at(-1)!.keys.length).toBe(missing);
        void open!.client.resolveAbsence("restore");
      }
      await rest(world);
      expect(profile.area.items).toEqual(world.server.recordsOf("anna").held());
      isQuiet(world);
    }
  }, 600_000);
});
