import { describe, expect, it } from "vitest";
import type { Tab } from "../simulator/browser/tab.js";
import type { World } from "../simulator/world.js";
import { createDice, type Dice } from "../simulator/dice.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();

const STORE = upTo(60).map((n): [string, string] => [`k${n}`, `${n}`]);

/** Writes for as long as `goes` says, in the midst of whatever the SDK is doing. */
const writeOn = async (world: World, dice: Dice, removes: number, goes: (n: number) => boolean): Promise<void> => {
  const [profile] = world.profiles;
  for (let n = 0; goes(n); n++) {
    write(profile!, `k${dice.below(66)}`, dice.chance(removes) ? null : world.newValue(profile!, false));
    await world.clock.pass(dice.below(dice.pick([2, 10, 80])));
  }
};

const answered = async <T>(world: World, asked: Promise<T>): Promise<T> => {
  let answer: { value: T } | undefined;
  void asked.then((value) => (answer = { value }));
  for (let n = 0; !answer && n < 10_000; n++) await world.clock.pass(100);
  return answer!.value;
};

const run = async (tab: Tab) => (await tab.client.startMigration()).done;

describe("a page that writes while its storage is looked through", () => {
  it("has its last write of every key on the server with dual write, a run going on or not", async () => {
    for (const seed of upTo(size(60, 700))) {
      const { world, browser } = await play(seed);
      const dice = createDice(seed);
      const { profile, tab } = browser(STORE);
      await world.clock.pass(dice.below(30));
      if (dice.chance(0.5)) void run(tab);
      const count = 5 + dice.below(25);
      await writeOn(world, dice, 0.15, (n) => n < count);
      await rest(world);
      expect([...world.server.recordsOf("anna").held()].sort()).toEqual([...profile.area.items].sort());
      isQuiet(world);
    }
  }, 600_000);

  it("has nothing torn in a run alone: what came after the last look is known to be missing, and the next one brings it", async () => {
    let late = 0;
    for (const seed of upTo(size(40, 300))) {
      const { world, browser } = await play(seed);
      const dice = createDice(seed);
      const { profile, tab } = browser(STORE);
      tab.client.uninstall();
      let done = false;
      const running = run(tab).finally(() => (done = true));
      // Nothing is removed: a run takes no entry away that an earlier one has brought.
      await writeOn(world, dice, 0, (n) => !done && n < 400);
      expect(await answered(world, running)).toMatchObject({ ok: true });
      const held = world.server.recordsOf("anna").held();
      const { items } = profile.area;
      const missed = [...new Set([...items.keys(), ...held.keys()])].filter((key) => held.get(key) !== items.get(key));
      const looked = await answered(world, tab.client.checkIfMigrationNeeded());
      if (missed.length) expect(looked.needed).toBe(true);
      late += missed.length;
      expect(await answered(world, run(tab))).toMatchObject({ ok: true });
      expect([...world.server.recordsOf("anna").held()].sort()).toEqual([...items].sort());
      isQuiet(world);
    }
    expect(late).toBeGreaterThan(0);
  }, 600_000);
});
