import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLocks } from "./support/locks.js";
import { manyPairs, migrate, newProfile, sorted, useServer } from "./support/client.js";

const world = useServer();

beforeEach(() => {
  vi.stubGlobal("navigator", { locks: createLocks() });
  vi.spyOn(Math, "random").mockReturnValue(0.01);
});
afterEach(() => void vi.restoreAllMocks());

describe("two tabs", () => {
  it("have one leader; the other one looks on and ends with it", async () => {
    const profile = newProfile(manyPairs(600, 2000));
    const [first, second] = [world.open(profile), world.open(profile)];
    // However fast the machine is, the run is not over before the other tab looks on.
    world.server.verifies = false;
    const one = await first.startMigration();
    await vi.waitFor(() => expect(world.server.runs.size).toBe(1), { timeout: 10_000 });
    const two = await second.startMigration();
    world.server.verifies = true;
    const [a, b] = await Promise.all([one.done, two.done]);
    expect([a.ok, b.ok]).toEqual([true, true]);
    expect(b.migrationId).toBe(a.migrationId);
    expect(world.server.runs.size).toBe(1);
    expect(second.getMigrationStatus()).toMatchObject({ leading: false, stage: "completed" });
  });

  it("hand over when the leader is closed", async () => {
    const profile = newProfile(manyPairs(600, 2000));
    const [first, second] = [world.open(profile), world.open(profile)];
    let puts = 0;
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts === 3) first.destroy();
      return undefined;
    };
    await first.startMigration();
    await vi.waitFor(() => expect(world.server.runs.size).toBe(1), { timeout: 10_000 });
    expect(await migrate(second)).toMatchObject({ ok: true });
    expect(second.getMigrationStatus().leading).toBe(true);
    expect(world.server.runs.size).toBe(1);
    expect(sorted(world.server.held())).toEqual(sorted(profile.area.entries()));
  });

  it("are told apart by the fence: a former leader only looks on", async () => {
    const profile = newProfile(manyPairs(600, 2000));
    let raised = false;
    world.server.intercept = ({ method, headers }) => {
      if (method === "PUT" && !raised) {
        raised = true;
        world.server.fences.set(String(headers["migration-device"]), 99);
        setTimeout(() => [...world.server.runs.values()].forEach((run) => (run.state = "completed")), 300);
      }
      return undefined;
    };
    const client = world.open(profile);
    expect((await migrate(client)).ok).toBe(true);
    expect(world.server.asked("PUT", "/chunks/").length).toBeLessThanOrEqual(2);
  });

  it("wait for each other where a copy is made", async () => {
    const profile = newProfile(manyPairs(20));
    const [a, b] = await Promise.all([world.open(profile).createBackup(), world.open(profile).createBackup()]);
    expect([a.ok, b.ok]).toEqual([true, true]);
    expect(world.server.held()).toEqual([]);
  });
});
