import { describe, expect, it } from "vitest";
import type { Profile } from "../simulator/browser/profile.js";
import type { Tab } from "../simulator/browser/tab.js";
import { isQuiet, rest, size, upTo, usePlayed } from "../support/played.js";

const play = usePlayed();

/** A line of the countryside: two seconds of delay, ten kilobytes a second, and one in twenty connections is reset. */
const [LATENCY_MS, BYTES_PER_MS, RESETS] = [2000, 10, 0.05];
const ENTRIES = 1000;
const MIB = 1024 * 1024;

/** A store of so many bytes, of text that means nothing. */
const aStore = (bytes: number): [string, string][] =>
  upTo(ENTRIES).map((n) => [`item:${n}`, `${n} `.padEnd(bytes / ENTRIES - 10, "lorem ipsum ")]);

const payloadOf = ({ area }: Profile): number =>
  [...area.items].reduce((sum, pair) => sum + JSON.stringify(pair).length, 0);

/** A page behind such a line; `sent` counts the bytes that left it. */
const behindIt = async (seed: number, items: [string, string][]) => {
  const { world, browser } = await play(seed);
  const line = { sent: 0, resets: 0, busyUntil: 0 };
  const page: { tab?: Tab } = {};
  const until = (at: number) => new Promise<void>((resolve) => world.clock.after(at - world.clock.now, resolve));
  world.options.fetch = (async (address: string, init: RequestInit) => {
    const bytes = (init.body as string | Uint8Array | undefined)?.length ?? 0;
    const began = Math.max(world.clock.now, line.busyUntil);
    // A reset comes anywhere in what is sent.
    const share = world.dice.chance(RESETS) ? world.dice() : 1;
    line.busyUntil = began + (bytes * share) / BYTES_PER_MS;
    line.sent += bytes * share;
    await until(line.busyUntil + LATENCY_MS);
    if (share < 1) {
      line.resets++;
      throw new TypeError("reset");
    }
    if (init.signal?.aborted) throw new TypeError("aborted");
    return world.network.fetch(page.tab!, address, init);
  }) as typeof fetch;
  const made = browser(items);
  page.tab = made.tab;
  return { world, line, ...made };
};

describe("a slow line that breaks", () => {
  it("takes a full store over by dual write, and little of it twice", async () => {
    let resets = 0;
    for (const seed of upTo(size(2, 20))) {
      const { world, line, profile } = await behindIt(seed, aStore(size(2, 5) * MIB));
      await rest(world, 3_600_000);
      expect(world.server.recordsOf("anna").held()).toEqual(profile.area.items);
      expect(world.server.recordsOf("anna").revision).toBe(ENTRIES);
      expect(line.sent).toBeLessThanOrEqual(1.3 * payloadOf(profile));
      isQuiet(world);
      resets += line.resets;
    }
    expect(resets).toBeGreaterThan(0);
  }, 600_000);

  it("takes a full store over by a run", async () => {
    let resets = 0;
    for (const seed of upTo(size(3, 20))) {
      const { world, line, profile, tab } = await behindIt(seed, aStore(5 * MIB));
      tab.client.uninstall();
      let result: unknown;
      void tab.client.startMigration().then(async ({ done }) => (result = await done));
      for (const began = world.clock.now; !result && world.clock.now - began < 3_600_000; ) await world.clock.pass(1000);
      expect(result).toMatchObject({ ok: true });
      expect(world.server.recordsOf("anna").held()).toEqual(profile.area.items);
      expect(line.sent).toBeLessThanOrEqual(1.3 * payloadOf(profile));
      isQuiet(world);
      resets += line.resets;
    }
    expect(resets).toBeGreaterThan(0);
  }, 600_000);
});
