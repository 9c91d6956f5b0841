import { afterEach, describe, expect, it, vi } from "vitest";
import { manyPairs, migrate, newProfile, sorted, useServer } from "./support/client.js";

const world = useServer();

afterEach(() => void vi.restoreAllMocks());

/** When chunks left, in ms from the answer to the run's creation on. */
const departures = (): number[] => {
  const at: number[] = [];
  let began = 0;
  world.server.intercept = ({ method, path }) => {
    if (method === "POST" && path === "/runs") began = performance.now();
    if (method === "PUT") at.push(performance.now() - began);
    return undefined;
  };
  return at;
};

describe("a server that asks for a pause on success", () => {
  it.each([
    [0, 1000],
    [0.999, 1499],
  ])("is given it before each chunk, never less, spread upwards: random %d", async (random, pause) => {
    vi.spyOn(Math, "random").mockReturnValue(random);
    world.server.pause = 1;
    const at = departures();
    const profile = newProfile(manyPairs(300, 2000));
    expect((await migrate(world.open(profile), { batchSize: 100 })).ok).toBe(true);
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
    expect(at.length).toBe(3);
    // Two lanes leave together; what is left waits for the pause their answers ask for.
    expect(at[0]).toBeGreaterThanOrEqual(pause - 5);
    expect(at[2]! - at[1]!).toBeGreaterThanOrEqual(pause - 5);
    // The machine may hold it up a while, but not for as long as a third pause and more.
    expect(at[2]).toBeLessThan(2 * pause + 3000);
  });

  it("is not waited for when nothing is left to send", async () => {
    world.server.pause = 20;
    const began = performance.now();
    expect((await migrate(world.open(newProfile(manyPairs(20))))).ok).toBe(true);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("can be stopped in the middle of it", async () => {
    world.server.pause = 60;
    const began = performance.now();
    const run = await world.open(newProfile(manyPairs(300, 2000))).startMigration({ batchSize: 100 });
    setTimeout(() => void run.cancel(), 300);
    expect((await run.done).ok).toBe(false);
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});
