import { describe, expect, it } from "vitest";
import { createDice } from "../simulator/dice.js";
import { INVARIANTS } from "../simulator/invariants/index.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();

const HOUR = 3_600_000;
const YEARS = 10 * 365 * 24 * HOUR;
const SKEWS: [string, number][] = [
  ["ten years ahead", YEARS],
  ["ten years behind", -YEARS],
  ["an hour ahead", HOUR],
  ["an hour behind", -HOUR],
];

/** Two devices write over each other; what both sides hold in the end, and every revision on the way there. */
const quarrel = async (seed: number, skew: number, jumps: boolean) => {
  const { world, browser } = await play(seed);
  const devices = [browser([["a", "1"], ["b", "2"]]), browser()];
  const dice = createDice(seed);
  devices[0]!.profile.skew = jumps ? 0 : skew;
  await rest(world);
  for (let n = 0; n < 30; n++) {
    // A clock that is set jumps once, in the midst of everything.
    if (jumps && n === 15) devices[0]!.profile.skew = skew;
    const { profile } = dice.pick(devices);
    if (dice.chance(0.1)) profile.online = !profile.online;
    const key = dice.pick(["a", "b", "c"]);
    write(profile, key, dice.chance(0.8) ? `${profile.number}/${n}` : null);
    await world.clock.pass(dice.below(dice.pick([50, 3000])));
  }
  for (const { profile } of devices) profile.online = true;
  await rest(world);
  isQuiet(world);
  const records = world.server.recordsOf("anna");
  const history = [...records.keys].map(([key, { versions }]) => [key, versions.map(({ line, revision }) => [line, revision])]);
  const lost = [...INVARIANTS.acknowledged!(world), ...INVARIANTS.lastWords!(world), ...INVARIANTS.order!(world)];
  return { history, held: [...records.held()], here: devices.map(({ profile }) => [...profile.area.items]), lost };
};

describe("a clock that is wrong", () => {
  it.each(SKEWS)("decides nothing: %s, all is as it would be with the right time", async (_, skew) => {
    for (const seed of upTo(size(3, 25))) {
      const right = await quarrel(seed, 0, false);
      expect(right.history.length).toBeGreaterThan(1);
      expect(await quarrel(seed, skew, false)).toEqual(right);
    }
  });

  // Its sign of life is said anew then, so that all comes some milliseconds later: the same history is not to be had.
  it.each(SKEWS)("loses nothing where it is set in the midst of writing: %s", async (_, skew) => {
    for (const seed of upTo(size(3, 25))) {
      const { held, here, lost } = await quarrel(seed, skew, true);
      for (const items of here) expect(items.sort()).toEqual(held.sort());
      expect(lost).toEqual([]);
    }
  });
});

describe("a clock that was set back by ten years, a while ago", () => {
  const setBack = async () => {
    const { world, browser } = await play();
    const made = browser([["a", "1"], ["b", "1"]]);
    await rest(world);
    made.profile.skew = -YEARS;
    await world.clock.pass(120_000);
    return { world, ...made };
  };

  it("does not make the page believe for ever that a socket says everything: it asks, and sees a restored database", async () => {
    const { world, profile } = await setBack();
    const dump = world.server.dump();
    write(profile, "a", "since the dump");
    await rest(world);
    // Sockets stay open, and nobody says a word.
    world.server.restore(dump);
    await world.clock.pass(120_000);
    await rest(world);
    expect(world.server.recordsOf("anna").held().get("a")).toBe("since the dump");
  });

  it("does not hide that the browser died: what it lost of an acknowledged write comes back", async () => {
    const { world, profile, tab } = await setBack();
    write(profile, "a", "acknowledged");
    await world.clock.pass(1500);
    expect(world.server.recordsOf("anna").held().get("a")).toBe("acknowledged");
    tab.kill();
    expect(profile.area.crash(5000)).toEqual(["a"]);
    profile.open();
    await rest(world);
    expect(profile.area.items.get("a")).toBe("acknowledged");
    expect(world.server.recordsOf("anna").held().get("a")).toBe("acknowledged");
  });
});
