import { beforeEach, describe, expect, it, vi } from "vitest";
import { manyPairs, migrate, newProfile, sorted, useServer } from "./support/client.js";

const world = useServer();
const tokenOf = (sub: string, n = 0) => `h.${Buffer.from(JSON.stringify({ sub, n })).toString("base64url")}.s`;
const subOf = (token: string): string => JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()).sub;

describe("an account", () => {
  let valid: string;
  beforeEach(() => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    valid = tokenOf("ann");
    world.server.validToken = (token) => (token === valid ? subOf(token) : undefined);
    return () => vi.restoreAllMocks();
  });

  it("is asked for its token before each request, and opens no session", async () => {
    const token = vi.fn(() => valid);
    expect((await migrate(world.open(newProfile(manyPairs(10)), { token }))).ok).toBe(true);
    expect(world.server.asked("POST", "/sessions")).toEqual([]);
    expect(token).toHaveBeenCalledTimes(world.server.calls.length);
  });

  it("has one refresh for all requests a token expired under, wherever it expires", async () => {
    for (let at = 2; at < 8; at++) {
      valid = tokenOf("ann");
      let current = valid;
      let calls = 0;
      world.server.intercept = () => {
        if (++calls === at) valid = tokenOf("ann", at);
        return undefined;
      };
      const token = vi.fn(async ({ refresh }: { refresh: boolean }) => (refresh ? (current = valid) : current));
      const profile = newProfile(manyPairs(450, 2000));
      expect((await migrate(world.open(profile, { token }))).ok).toBe(true);
      expect(token.mock.calls.filter(([{ refresh }]) => refresh).length).toBe(1);
    }
    expect(sorted(world.server.held()).length).toBe(450);
  });

  it("has one refresh too where the refusals do not come at the same time", async () => {
    let current = valid;
    const held: (() => void)[] = [];
    world.server.intercept = async ({ method }) => {
      if (method !== "PUT" || held.length === 2) return undefined;
      await new Promise<void>((resolve) => held.push(resolve));
      return undefined;
    };
    const token = vi.fn(async ({ refresh }: { refresh: boolean }) => (refresh ? (current = valid) : current));
    const run = await world.open(newProfile(manyPairs(450, 2000)), { token }).startMigration();
    await vi.waitFor(() => expect(held.length).toBe(2), { timeout: 10_000 });
    valid = tokenOf("ann", 9);
    held[0]!();
    await vi.waitFor(() => expect(current).toBe(valid), { timeout: 10_000 });
    held[1]!();
    expect((await run.done).ok).toBe(true);
    expect(token.mock.calls.filter(([{ refresh }]) => refresh).length).toBe(1);
  });

  it("pauses where there is no other token, and goes on when there is one", async () => {
    let current: string | null = valid;
    const client = world.open(newProfile(manyPairs(450, 2000)), { token: () => current });
    const paused = vi.fn();
    client.on("migrationPaused", paused);
    let puts = 0;
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts === 2) valid = tokenOf("ann", 1);
      return undefined;
    };
    const run = await client.startMigration();
    await vi.waitFor(() => expect(client.getMigrationStatus().paused).toBe("auth"), { timeout: 10_000 });
    current = null;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(client.getMigrationStatus().paused).toBe("auth");
    current = valid;
    await run.resume();
    expect((await run.done).ok).toBe(true);
    expect(paused).toHaveBeenCalledWith(expect.objectContaining({ reason: "auth" }));
    expect(world.server.held().length).toBe(450);
  });

  it("does not mind a provider that throws", async () => {
    let calls = 0;
    const token = () => {
      if (++calls === 2) throw new Error("the page's own");
      return valid;
    };
    expect((await migrate(world.open(newProfile(manyPairs(10)), { token }))).ok).toBe(true);
  });

  it("never sends what was first seen under another account", async () => {
    const profile = newProfile(manyPairs(10));
    world.server.validToken = subOf;
    expect((await migrate(world.open(profile, { token: () => tokenOf("ann") }))).ok).toBe(true);
    const other = world.open(profile, { token: () => tokenOf("bob") });
    expect(await other.createMigrationPlan()).toMatchObject({
      canProceed: false,
      blockers: [{ code: "claimed_by_other" }],
    });
    expect(await migrate(other)).toMatchObject({ ok: false, code: "claimed_by_other" });
    expect(world.server.records.has("bob")).toBe(false);
    expect((await migrate(other, { takeOver: true })).ok).toBe(true);
    expect(world.server.records.get("bob")!.size).toBe(10);
  });

  it("never sends it where the user changes half-way either", async () => {
    world.server.validToken = subOf;
    let who = "ann";
    let puts = 0;
    world.server.intercept = ({ method }) => {
      if (method === "PUT" && ++puts === 2) who = "bob";
      return undefined;
    };
    const profile = newProfile(manyPairs(600, 2000));
    expect(await migrate(world.open(profile, { token: () => tokenOf(who) }))).toMatchObject({
      code: "claimed_by_other",
    });
    expect([...world.server.runs.values()].every(({ owner }) => owner === "ann")).toBe(true);
  });

  it("takes over what the guest it was had here", async () => {
    const profile = newProfile(manyPairs(10));
    world.server.validToken = (token) => (token.startsWith("guest-") ? token : subOf(token));
    expect((await migrate(world.open(profile))).ok).toBe(true);
    expect((await migrate(world.open(profile, { token: () => tokenOf("ann") }))).ok).toBe(true);
    expect(world.server.records.get("ann")!.size).toBe(10);
  });
});

describe("a guest", () => {
  it("gets a new session when the server refuses the old token", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    let refused = 0;
    world.server.intercept = ({ headers, method }) =>
      method === "PUT" && headers.authorization === "Bearer guest-1" && ++refused
        ? { status: 401, body: { code: "unauthenticated" } }
        : undefined;
    expect((await migrate(world.open(newProfile(manyPairs(450, 2000))))).ok).toBe(true);
    expect(refused).toBeGreaterThan(0);
    expect(world.server.asked("POST", "/sessions").length).toBe(2);
    vi.restoreAllMocks();
  });

  it("is the same guest at the next visit, of 32 random bytes", async () => {
    const profile = newProfile(manyPairs(3));
    await migrate(world.open(profile));
    await migrate(world.open(profile));
    const ids = world.server.asked("POST", "/sessions").map(({ json }) => json.guest);
    expect(new Set(ids).size).toBe(1);
    expect(Buffer.from(ids[0], "base64url").length).toBe(32);
  });
});
