import { describe, expect, it, vi } from "vitest";
import { manyPairs, newProfile, sorted } from "./support/client.js";
import { createLocks } from "./support/locks.js";
import { soon, useWriters } from "./support/writing.js";

const { world, open, settled, records } = useWriters();

describe("a tab that another one told where the server stands", () => {
  it("is told of what has come since by its own first request", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    world.server.validToken = (given) => given;
    const profile = newProfile([["a", "1"]]);
    const first = await settled(profile, { token: () => "anna" });
    const second = open(profile, { token: () => "anna" });
    await second.install();
    const stages: string[] = [];
    second.on("collectionStageChanged", ({ stage }) => stages.push(stage));
    await soon(() => expect(second.pending.paused).toBe(null));
    world.server.turn({ stage: "server_primary" });
    await soon(() => expect(stages).toEqual(["server_primary"]));
    const before = world.server.calls.length;
    first.destroy();
    world.server.turn({ panic: true });
    await soon(async () => expect(await second.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "panic" }));
    const asked = world.server.calls.slice(before).filter(({ headers, path }) => headers.authorization && path !== "/config");
    expect(asked.map(({ headers }) => headers["migration-epoch"])).not.toContain(undefined);
  });
});

describe("what a rollback brought back", () => {
  it("comes to a browser that never had it, like anything else", async () => {
    records().write("b", "2", "rollback");
    const profile = newProfile([["a", "1"]]);
    await settled(profile);
    await soon(() => expect(sorted(profile.area.entries())).toEqual([["a", "1"], ["b", "2"]]));
  });

  it("can be restored where a browser lost it", async () => {
    const profile = newProfile(manyPairs(10));
    const client = await settled(profile);
    for (const [key, value] of manyPairs(10)) records().write(key, value, "rollback");
    await client.whenSynced();
    profile.area.clear();
    await soon(() => expect(client.pending.missing).toBe(10));
    expect(await client.resolveAbsence("restore")).toEqual({ ok: true });
    await soon(() => expect(sorted(profile.area.entries())).toEqual(sorted(manyPairs(10))));
  });
});
