import { describe, expect, it } from "vitest";
import { createDice } from "../simulator/dice.js";
import type { Op } from "../simulator/model/arrivals.js";
import type { Tab } from "../simulator/browser/tab.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();
const [DAY, DAYS, WRITES, KEYS] = [86_400_000, 10, 5000, 40];

/** Ten days on the road: pages are opened and closed, five thousand writes are made, and nobody can be reached. */
const travel = async (seed: number) => {
  const { world, browser } = await play(seed);
  const dice = createDice(seed);
  const ops: Op[] = [];
  const page: { tab?: Tab } = {};
  world.options.fetch = ((address: string, init: RequestInit) => {
    if (page.tab!.profile.online && address.endsWith("/records")) ops.push(...JSON.parse(init.body as string).ops);
    return world.network.fetch(page.tab!, address, init);
  }) as typeof fetch;
  const { profile, tab } = browser(upTo(KEYS).map((n) => [`k${n}`, "at home"]));
  page.tab = tab;
  await rest(world);
  const known = ops.length;
  profile.online = false;
  for (let day = 0; day < DAYS; day++) {
    if (!profile.tabs.size) page.tab = profile.open();
    for (const n of upTo(WRITES / DAYS)) {
      write(profile, `k${dice.below(KEYS)}`, dice.chance(0.05) ? null : `day ${day}, ${n}`);
      if (dice.chance(0.2)) await world.clock.pass(dice.below(500));
    }
    const [open] = profile.tabs;
    if (dice.chance(0.5)) open!.fire("pagehide");
    await world.clock.pass(dice.below(5));
    if (dice.chance(0.8)) open!.kill();
    world.clock.sleepThrough(DAY);
    await world.clock.pass(1000);
  }
  if (!profile.tabs.size) page.tab = profile.open();
  await world.clock.pass(1000);
  return { world, profile, tab: page.tab!, ops, known };
};

describe("ten days without a line", () => {
  it.each(upTo(size(3, 100)))("are told in as many writes as there are keys, once and in order: %i", async (seed) => {
    const { world, profile, tab, ops, known } = await travel(seed);
    const { count, paused, oldest } = tab.client.pending;
    expect(paused).toBe("offline");
    expect(count).toBeLessThanOrEqual(KEYS);
    expect(oldest).not.toBeNull();
    profile.online = true;
    tab.fire("online");
    await rest(world);
    expect(ops.length - known).toBe(count);
    expect(ops.map(({ seq }) => seq)).toEqual(upTo(ops.length).map((n) => n + 1));
    expect(world.server.recordsOf("anna").held()).toEqual(profile.area.items);
    expect(world.server.recordsOf("anna").conflicts).toEqual([]);
    isQuiet(world);
  });
});
