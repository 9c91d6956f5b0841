import { beforeEach, describe, expect, it, vi } from "vitest";
import type { MigrationClient, MigrationClientOptions, SettledWrite } from "../src/types.js";
import { manyPairs, newProfile, sorted, useServer, type Profile } from "./support/client.js";
import type { OwnerRecords } from "./support/records.js";

const world = useServer();
let records: OwnerRecords;
let profiles = 0;
const names = new WeakMap<Profile, string>();

/** A tab; two profiles of one process share no channel. */
const open = (profile: Profile, options: Partial<MigrationClientOptions> = {}): MigrationClient => {
  if (!names.has(profile)) names.set(profile, `profile-${++profiles}`);
  return world.open(profile, { namespace: names.get(profile), syncInterval: 50, retryDelay: 50, ...options });
};

const installed = async (profile: Profile, options?: Partial<MigrationClientOptions>): Promise<MigrationClient> => {
  const client = open(profile, options);
  expect(await client.install()).toEqual({ ok: true });
  return client;
};

const soon = (look: () => void) => vi.waitFor(look, { timeout: 5000, interval: 10 });

beforeEach(() => {
  records = world.server.recordsOf();
});

describe("what the page writes", () => {
  it("is on the server after a while, what was there before and what comes later", async () => {
    const profile = newProfile(manyPairs(20));
    const client = await installed(profile);
    expect(await client.whenSynced()).toEqual({ ok: true });
    expect(sorted(records.held())).toEqual(sorted(profile.area.entries()));
    profile.area.setItem("item:3", "changed");
    profile.area.removeItem("item:4");
    profile.area.setItem("new", "one");
    expect(await client.whenSynced()).toEqual({ ok: true });
    expect(sorted(records.held())).toEqual(sorted(profile.area.entries()));
    expect(client.pending).toMatchObject({ count: 0, bytes: 0, oldest: null, refused: [] });
  });

  it("travels once: a later visit sends only what differs", async () => {
    const profile = newProfile(manyPairs(30));
    const first = await installed(profile);
    await first.whenSynced();
    first.destroy();
    profile.area.setItem("item:1", "written while nobody looked");
    profile.area.removeItem("item:2");
    const before = world.server.asked("POST", "/records").length;
    const second = await installed(profile);
    await second.whenSynced();
    const sent = world.server.asked("POST", "/records").slice(before);
    expect(sent.flatMap(({ json }) => json.ops.map(({ line }: { line: string }) => JSON.parse(line)))).toEqual([
      ["item:1", "written while nobody looked"],
      ["item:2"],
    ]);
    expect(sorted(records.held())).toEqual(sorted(profile.area.entries()));
  });

  it("is sent under rising numbers, each with the revision it was based on", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = await installed(profile);
    await client.whenSynced();
    profile.area.setItem("a", "2");
    await client.whenSynced();
    const ops = world.server.asked("POST", "/records").flatMap(({ json }) => json.ops);
    expect(ops).toEqual([
      { seq: 1, line: '["a","1"]', base: null },
      { seq: 2, line: '["a","2"]', base: 1 },
    ]);
  });

  it("is told of: pending and its event", async () => {
    const profile = newProfile();
    const client = await installed(profile);
    await client.ready;
    world.server.intercept = ({ method, path }) =>
      method === "POST" && path === "/records" ? { status: 503, body: {} } : undefined;
    const heard = vi.fn();
    client.on("pendingChanged", heard);
    profile.area.setItem("a", "1");
    await soon(() => expect(client.pending).toMatchObject({ count: 1, bytes: 9 }));
    expect(Date.now() - client.pending.oldest!).toBeLessThan(5000);
    world.server.intercept = () => undefined;
    await client.whenSynced();
    await soon(() => expect(client.pending).toMatchObject({ count: 0, paused: null }));
    expect(heard.mock.calls.map(([{ count }]) => count)).toContain(1);
  });

  it("settles with an outcome for each write", async () => {
    const profile = newProfile([["good", "1"]]);
    records.refuse = (key) => (key === "bad" ? "too_old" : undefined);
    const client = open(profile);
    const settled: SettledWrite[] = [];
    client.on("writeSettled", (write) => settled.push(write));
    profile.area.setItem("bad", "2");
    await client.install();
    expect(await client.whenSynced("good")).toEqual({ ok: true });
    expect(await client.whenSynced("bad")).toMatchObject({ ok: false, code: "too_old" });
    expect(settled).toContainEqual({ key: "good", outcome: "accepted", revision: 1 });
    expect(settled).toContainEqual({ key: "bad", outcome: "refused", revision: null, reason: "too_old" });
  });

  it("stays here where it is a secret or excluded", async () => {
    const profile = newProfile([["auth_token", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"], ["own:1", "x"], ["a", "1"]]);
    const client = await installed(profile, { exclude: ["own:*"] });
    await client.whenSynced();
    expect(records.held()).toEqual([["a", "1"]]);
    expect(client.pending.refused.map(({ key }) => key).sort()).toEqual(["auth_token", "own:1"]);
  });

  it("is not blocked by one that is refused, nor is that one sent again unchanged", async () => {
    records.refuse = (key) => (key === "bad" && !records.value("fixed") ? "refused_here" : undefined);
    const profile = newProfile([["bad", "1"], ...manyPairs(5)]);
    const client = await installed(profile);
    await client.whenSynced();
    expect(records.held().length).toBe(5);
    expect(client.pending).toMatchObject({ count: 0, refused: [{ key: "bad", reason: "refused_here" }] });
    profile.area.setItem("fixed", "1");
    await client.whenSynced();
    const ops = world.server.asked("POST", "/records").flatMap(({ json }) => json.ops);
    expect(ops.filter(({ line }: { line: string }) => line.includes('"bad"')).length).toBe(1);
    profile.area.setItem("bad", "2");
    expect(await client.whenSynced("bad")).toEqual({ ok: true });
    expect(records.value("bad")).toBe("2");
    expect(client.pending.refused).toEqual([]);
  });
});
