import { describe, expect, it } from "vitest";
import { askFor } from "./actions/page.js";
import { flips, Harness, walk } from "./harness.js";
import { ROAD } from "./model/stages.js";

const PAIRS = ROAD.flatMap((from) => ROAD.filter((to) => to !== from).map((to) => [from, to] as const));
const FLIPS = 25;

describe("four writers at work, while an operator walks", () => {
  it.each(PAIRS)("from %s to %s and back, and to the end: nothing is lost, and nothing older is shown", async (from, to) => {
    expect(await walk(PAIRS.findIndex((pair) => pair[0] === from && pair[1] === to), from, to)).toEqual([]);
  }, 60_000);

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(`to and fro, ${FLIPS} times: seed %i`, async (seed) => {
    expect(await flips(seed, FLIPS)).toEqual([]);
  }, 60_000);

  it("notices an owner who is moved back while the share rises", async () => {
    let found: string[] = [];
    for (let seed = 0; seed < 20 && !found.length; seed++) found = await flips(seed, FLIPS, "unsteady-buckets");
    expect(found.join()).toMatch(/was served at/);
  }, 60_000);
});

describe("a panic", () => {
  it("is on every open page within five seconds, and the outboxes are kept", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const harness = await Harness.begin(seed);
      const { world, dice } = harness;
      await harness.walk("server_primary");
      await harness.check("server_primary");
      await harness.work(dice.below(8));
      world.server.cutover.move("panic");
      await world.clock.pass(5000);
      const asked = Promise.all(harness.tabs.map(({ client }) => client.get("stays:1")));
      await world.clock.pass(100);
      for (const answer of await asked) expect(answer).toEqual({ ok: true, value: "1", from: "browser", reason: "panic" });
      expect(await harness.end()).toEqual([]);
    }
  }, 60_000);
});

describe("undoing a first run", () => {
  it.each(["dual_write", "server_primary"] as const)("empties the server and touches no byte here: %s", async (stage) => {
    const harness = await Harness.begin(1);
    const { world } = harness;
    const [profile] = world.profiles;
    const [tab] = profile!.tabs;
    await harness.walk(stage);
    await harness.check(stage);
    const before = world.profiles.map(({ area }) => [...area.items]);
    const server = world.server.recordsOf("anna");
    const held = [...server.held()];
    const [first] = world.server.rollbacks.points("anna").slice(-1);
    void tab!.client.rollbackMigration(first!.id);
    await world.clock.pass(30_000);
    expect(server.held().size).toBe(0);
    for (const other of harness.tabs) void askFor(world, other, "a");
    await world.clock.pass(30_000);
    expect(world.profiles.map(({ area }) => [...area.items])).toEqual(before);
    void tab!.client.undoRollback();
    await world.clock.pass(60_000);
    expect(world.profiles.map(({ area }) => [...area.items])).toEqual(before);
    expect([...server.held()].sort()).toEqual(held.sort());
    expect(await harness.end()).toEqual([]);
  }, 60_000);
});
