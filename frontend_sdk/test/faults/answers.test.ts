import { describe, expect, it } from "vitest";
import type { Tab } from "../simulator/browser/tab.js";
import type { World } from "../simulator/world.js";
import { isQuiet, rest, size, upTo, usePlayed, write } from "../support/played.js";

const play = usePlayed();
const HOUR = 3_600_000;

/** An answer of a server that wants no more of this for now. */
const refusal = (status: number, headers: Record<string, string> = {}, body: object = {}) => ({
  status,
  ok: false,
  headers: { get: (name: string) => headers[name] ?? null },
  text: async () => JSON.stringify(body),
});

/** A page whose requests pass by `before`, which may answer instead of the server; `sent` are the times they left at. */
const watched = async (before: (path: string, n: number, at: number) => unknown) => {
  const { world, browser } = await play();
  const sent: number[] = [];
  let tab: Tab | undefined;
  world.options.fetch = ((address: string, init: RequestInit) => {
    sent.push(world.clock.now);
    const other = before(new URL(address).pathname.slice(7), sent.length, world.clock.now);
    return other ? Promise.resolve(other) : world.network.fetch(tab!, address, init);
  }) as typeof fetch;
  const made = browser([["a", "1"]]);
  tab = made.tab;
  return { world, sent, ...made };
};

describe("a server that says when to come back", () => {
  const date = (world: World, ms: number) => new Date(1_800_000_000_000 + world.clock.now + ms).toUTCString();
  const SECONDS = [0, 1, 2, 3, 5, 7, 10, 15, 30, 45, 59, 60, 61, 90, 120, 300, 600, 1800, 3599, 3600];
  const DATES = [2, 5, 10, 30, 60, 120, 600, 1800, 3600];
  const ABSURD = ["3601", "7200", "86400", "999999999999"];
  const NONSENSE = [undefined, "", "-1", "1.5", "1e3", "0x10", "soon", "5 seconds", "NaN", "Infinity"];
  /** What it says, and how long nothing may come: never less than asked for, and never more than an hour. */
  const VARIANTS: [string, (world: World) => string | undefined, number][] = [
    ...SECONDS.map((s): (typeof VARIANTS)[number] => [`${s}`, () => `${s}`, s * 1000]),
    ...DATES.map((s): (typeof VARIANTS)[number] => [`a date in ${s} s`, (world) => date(world, s * 1000), (s - 1) * 1000]),
    ...ABSURD.map((text): (typeof VARIANTS)[number] => [text, () => text, HOUR]),
    ["a date in two hours", (world) => date(world, 2 * HOUR), HOUR],
    ["a date in a thousand hours", (world) => date(world, 1000 * HOUR), HOUR],
    ["a date an hour ago", (world) => date(world, -HOUR), 0],
    [" 5 ", () => " 5 ", 5000],
    ...NONSENSE.map((text): (typeof VARIANTS)[number] => [`${text}`, () => text, 0]),
  ];

  it("says it in fifty ways or so", () => expect(VARIANTS.length).toBeGreaterThanOrEqual(46));

  it.each(VARIANTS)("is sent nothing before that, whatever the page does: %s", async (_, header, wait) => {
    let refusedAt: number | undefined;
    const { world, sent, profile, tab } = await watched((path, _n, at) => {
      if (path !== "/records" || refusedAt !== undefined || world.clock.now < 20_000) return;
      refusedAt = at;
      const said = header(world);
      return refusal(at % 2 ? 429 : 503, said === undefined ? {} : { "Retry-After": said });
    });
    await rest(world);
    while (world.clock.now < 20_000) await world.clock.pass(1000);
    write(profile, "a", "2");
    while (refusedAt === undefined) await world.clock.pass(100);
    for (const share of [0.1, 0.5, 0.9]) {
      await world.clock.pass(Math.max(0, refusedAt + wait * share - world.clock.now));
      write(profile, "b", `written at ${share}`);
      for (const moment of ["online", "visibilitychange", "pageshow"]) tab.fire(moment);
      void tab.client.whenSynced();
    }
    const took = await rest(world, wait + 120_000);
    const from = refusedAt;
    expect(sent.filter((at) => at > from && at < from + wait)).toEqual([]);
    // And it is not forgotten that somebody waits.
    expect(world.clock.now - from).toBeLessThan(wait + 120_000);
    expect(took).toBeGreaterThan(0);
    expect(world.server.recordsOf("anna").held()).toEqual(new Map([["a", "2"], ["b", "written at 0.9"]]));
    isQuiet(world);
  });
});

describe("an app that is switched off", () => {
  it.each(upTo(20))("is left in peace within a minute, and the page keeps everything: from request %i on", async (n) => {
    let [off, offAt] = [false, 0];
    const { world, sent, profile, tab } = await watched((_path, count, at) => {
      if (count === n + 2) [off, offAt] = [true, at];
      return off && refusal(403, {}, { code: "app_disabled" });
    });
    const told: number[] = [];
    tab.client.on("revoked", ({ code }) => void (code === "app_disabled" && told.push(world.clock.now)));
    // In the midst of a run, or of the writes after it.
    const run = tab.client.startMigration().then(({ done }) => done);
    for (let at = 0; !off; at++) {
      write(profile, "k" + (at % 5), `${at}`);
      await world.clock.pass(700);
    }
    write(profile, "late", "written meanwhile");
    const here = [...profile.area.items];
    const requests = sent.length;
    await world.clock.pass(60_000);
    expect(told[0]! - offAt).toBeLessThan(60_000);
    expect(tab.client.pending).toMatchObject({ paused: "app_disabled" });
    expect(tab.client.pending.count).toBeGreaterThan(0);
    expect([...profile.area.items]).toEqual(here);
    // It asks now and then whether it is on again, and no more than that.
    expect(sent.length - requests).toBeLessThan(30);
    off = false;
    await rest(world);
    expect(world.server.recordsOf("anna").held()).toEqual(profile.area.items);
    expect(await run).toMatchObject(n > 12 ? { ok: true } : {});
    isQuiet(world);
  });
});

describe("a server that is nothing but trouble for a while", () => {
  const [MINUTE, WINDOW] = [60_000, 10_000];
  const [ROUGH, DOWN] = [4 * MINUTE, size(8, 14) * MINUTE];
  const [UP, END] = [DOWN + 2 * MINUTE, DOWN + size(5, 10) * MINUTE];
  // Fewer of them, and chance decides.
  const CLIENTS = size(450, 1000);

  /** One of many clients: they know nothing of each other, so each is played by itself, and their requests are added up. */
  const live = async (seed: number, counted: number[]): Promise<void> => {
    const { world, browser } = await play(seed);
    const page: { tab?: Tab } = {};
    world.options.fetch = ((address: string, init: RequestInit) => {
      const at = world.clock.now - started;
      if (at >= 0) counted[Math.floor(at / WINDOW)]! += 1;
      const fails = at >= DOWN ? at < UP : at >= ROUGH && world.dice.chance(0.3);
      return fails ? Promise.resolve(refusal(503)) : world.network.fetch(page.tab!, address, init);
    }) as typeof fetch;
    let started = Infinity;
    const { profile, tab } = browser([["a", "1"]]);
    page.tab = tab;
    await rest(world);
    // Nobody's beat is anybody else's.
    await world.clock.pass(10_000 + world.dice.below(MINUTE));
    started = world.clock.now;
    for (let n = 0; world.clock.now - started < END; n++) {
      const before = world.clock.now - started;
      await world.clock.pass(world.dice.below(40_000));
      write(profile, "k" + (n % 3), `${seed}/${n}`);
      // A server that goes takes all sockets with it.
      if (before < DOWN && world.clock.now - started >= DOWN) for (const _ of upTo(9)) world.network.cut();
    }
    await rest(world);
    isQuiet(world);
  };

  it("meets no storm when it is back: at most twice the usual requests in any ten seconds, and nothing is lost", async () => {
    const counted = upTo(END / WINDOW).map(() => 0);
    for (const seed of upTo(CLIENTS)) await live(seed, counted);
    const peak = (from: number, to: number) => Math.max(...counted.slice(from / WINDOW, to / WINDOW));
    const usual = peak(0, ROUGH);
    expect(peak(ROUGH, DOWN)).toBeLessThanOrEqual(2 * usual);
    // Once the gates have shut, a server that is down is asked less often than one that works.
    expect(peak(DOWN + MINUTE, UP)).toBeLessThanOrEqual(usual);
    expect(peak(UP, END)).toBeLessThanOrEqual(2 * usual);
  }, 600_000);
});
