import { describe, expect, it } from "vitest";
import type { Tab } from "../simulator/browser/tab.js";
import { createDice } from "../simulator/dice.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();

// Browsers keep 64 KB of a page's requests alive together.
const KEPT_BYTES = 60_000;

/** A page whose writes are watched on their way: how large each was, and whether it was to outlive the page. */
const watched = async (seed: number, items: [string, string][] = []) => {
  const { world, browser } = await play(seed);
  const sent: { bytes: number; kept: boolean | undefined }[] = [];
  const page: { tab?: Tab } = {};
  world.options.fetch = ((address: string, init: RequestInit) => {
    if (address.endsWith("/records")) sent.push({ bytes: Buffer.byteLength(init.body as string), kept: init.keepalive });
    return world.network.fetch(page.tab!, address, init);
  }) as typeof fetch;
  const { profile, tab } = browser(items);
  page.tab = tab;
  const open = () => (page.tab = profile.open());
  return { world, sent, profile, tab, open };
};

describe("a page that is being left", () => {
  it.each([
    ["a few words", "x".repeat(100), true],
    ["as much as is kept alive", "x".repeat(19_000), true],
    ["more than is kept alive", "x".repeat(30_000), false],
    ["characters of three bytes each", "€".repeat(19_000), true],
  ])("sends what fits so that it outlives the page: %s", async (_, value, kept) => {
    const { world, sent, profile, tab } = await watched(1, [["a", "1"]]);
    await rest(world);
    const before = sent.length;
    tab.hide(true);
    write(profile, "a", value);
    tab.fire("pagehide");
    await world.clock.pass(300);
    expect(sent.slice(before).map((one) => one.kept)).toEqual([kept]);
    if (kept) expect(sent.at(-1)!.bytes).toBeLessThanOrEqual(KEPT_BYTES);
    await rest(world);
  });

  it("loses nothing, however pages are hidden, put away, frozen, brought back and closed", async () => {
    for (const seed of upTo(size(15, 50))) {
      const { world, sent, profile, open } = await watched(seed, [["a", "1"]]);
      const dice = createDice(seed);
      for (const n of upTo(8)) {
        const [tab] = [...profile.tabs, ...(profile.tabs.size ? [] : [open()])];
        await world.clock.pass(dice.below(dice.pick([50, 2000])));
        for (const m of upTo(dice.below(4))) write(profile, `k${m}`, `${n}`.padEnd(dice.pick([1, 100, 25_000]), "x"));
        const end = dice.below(4);
        if (end) tab!.hide(true);
        if (end > 1) tab!.fire("pagehide");
        await world.clock.pass(dice.below(40));
        if (end === 3) tab!.kill();
        // Frozen: time goes by, and nothing of the page does.
        else if (end) world.clock.sleepThrough(dice.pick([1000, 3_600_000]));
        if (end === 2) tab!.fire("pageshow");
        if (end === 1 || end === 2) tab!.hide(false);
      }
      if (!profile.tabs.size) open();
      await rest(world);
      for (const { bytes, kept } of sent) if (kept) expect(bytes).toBeLessThanOrEqual(KEPT_BYTES);
      isQuiet(world);
    }
  }, 600_000);
});
