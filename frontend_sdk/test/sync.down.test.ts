import { describe, expect, it, vi } from "vitest";
import type { ConflictChoice, WriteConflict } from "../src/types.js";
import { AreaStorage } from "./support/storage.js";
import { manyPairs, newProfile, sorted } from "./support/client.js";
import { soon, useWriters } from "./support/writing.js";

const { world, installed, settled, records, ops, block, unblock } = useWriters();

describe("what another device writes", () => {
  it("comes down: new values, changed ones, deletions", async () => {
    const profile = newProfile([["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"], ["e", "5"]]);
    await settled(profile);
    records().write("a", "changed there");
    records().write("b");
    records().write("new", "made there");
    await soon(() => expect(profile.area.getItem("new")).toBe("made there"));
    expect(profile.area.getItem("a")).toBe("changed there");
    expect(profile.area.getItem("b")).toBeNull();
    expect(ops().length).toBe(5);
  });

  it("is there before the page starts, in a fresh profile", async () => {
    for (const [key, value] of manyPairs(1100)) records().write(key, value);
    const profile = newProfile();
    const client = await settled(profile);
    expect(sorted(profile.area.entries())).toEqual(sorted(manyPairs(1100)));
    expect(ops()).toEqual([]);
    expect(client.pending.count).toBe(0);
  });

  it("does not keep the page waiting when the server is slow", async () => {
    world.server.intercept = () => ({ status: 503 });
    const client = await installed(newProfile([["a", "1"]]), { readyTimeout: 50, readTimeout: 50 });
    expect(await client.ready).toMatchObject({ ok: false, code: "not_ready" });
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "not_ready" });
  });

  it("never overwrites what is still to be sent", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    block();
    profile.area.setItem("a", "mine");
    await soon(() => expect(client.pending.count).toBe(1));
    records().write("a", "theirs");
    records().write("b", "2");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(profile.area.getItem("a")).toBe("mine");
    unblock();
    await client.whenSynced();
    expect(records().value("a")).toBe("mine");
    await soon(() => expect(profile.area.getItem("b")).toBe("2"));
  });

  it("never overwrites what the page writes while it is on its way", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    let once = true;
    world.server.intercept = ({ method, path }) => {
      if (once && method === "GET" && path.startsWith("/records?") && records().revision === 2) {
        once = false;
        profile.area.setItem("a", "mine");
      }
      return undefined;
    };
    records().write("a", "theirs");
    await soon(() => expect(once).toBe(false));
    await client.whenSynced();
    expect([profile.area.getItem("a"), records().value("a")]).toEqual(["mine", "mine"]);
  });

  it("meets what a device brings along under the collection's rule", async () => {
    records().policy = "AUTO_OVERWRITE";
    records().write("a", "theirs");
    const profile = newProfile([["a", "mine"]]);
    await settled(profile);
    expect([profile.area.getItem("a"), records().value("a")]).toEqual(["mine", "mine"]);
  });

  it("does not come down where it is a rollback's", async () => {
    const profile = newProfile(manyPairs(5));
    await settled(profile);
    const before = profile.area.entries();
    for (const [key] of before) records().write(key, undefined, "rollback");
    records().write("after", "1");
    await soon(() => expect(profile.area.getItem("after")).toBe("1"));
    expect(profile.area.entries().slice(0, 5)).toEqual(before);
  });

  it("waits for room, and only that one waits", async () => {
    const profile = newProfile([["a", "1"]]);
    profile.area = new AreaStorage([["a", "1"]], 1000);
    await settled(profile);
    records().write("large", "x".repeat(2000));
    records().write("small", "1");
    await soon(() => expect(profile.area.getItem("small")).toBe("1"));
    expect(profile.area.getItem("large")).toBeNull();
    records().write("large", "fits");
    await soon(() => expect(profile.area.getItem("large")).toBe("fits"));
    expect(ops().map(({ line }) => line)).toEqual(['["a","1"]']);
  });
});

describe("two devices that wrote one key", () => {
  const quarrel = async (options = {}) => {
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile, options);
    const asked = vi.fn();
    client.on("conflict", asked);
    block();
    profile.area.setItem("a", "mine");
    await soon(() => expect(client.pending.count).toBe(1));
    records().write("a", "theirs");
    unblock();
    await client.whenSynced("a");
    return { profile, client, asked };
  };

  it.each([
    ["AUTO_SKIP", "theirs"],
    ["AUTO_OVERWRITE", "mine"],
  ] as const)("end with one value on both sides: %s", async (policy, winner) => {
    records().policy = policy;
    const { profile } = await quarrel();
    expect(records().value("a")).toBe(winner);
    await soon(() => expect(profile.area.getItem("a")).toBe(winner));
  });

  it("have both, where the server can merge them", async () => {
    records().merge = (_, theirs, arriving) => JSON.stringify(["a", JSON.parse(theirs)[1] + "+" + JSON.parse(arriving)[1]]);
    const { profile } = await quarrel();
    expect(profile.area.getItem("a")).toBe("theirs+mine");
    expect(records().value("a")).toBe("theirs+mine");
  });

  it("keep what the page has written on while a merge was on its way", async () => {
    records().merge = (_, theirs, arriving) => JSON.stringify(["a", JSON.parse(theirs)[1] + "+" + JSON.parse(arriving)[1]]);
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    records().write("a", "theirs");
    let once = true;
    world.server.intercept = ({ json }) => {
      if (json?.ops && once) profile.area.setItem("a", "typed on");
      if (json?.ops) once = false;
      return undefined;
    };
    profile.area.setItem("a", "mine");
    await client.whenSynced();
    expect(profile.area.getItem("a")).toBe("theirs+mine+typed on");
    expect(records().value("a")).toBe("theirs+mine+typed on");
  });

  it("are equal again where the page goes back to what it had, and a newer word was passed over meanwhile", async () => {
    records().policy = "AUTO_SKIP";
    const profile = newProfile([["a", "1"]]);
    await settled(profile);
    let wrote = 0;
    world.server.intercept = ({ method, path }) => {
      if (method === "GET" && path.startsWith("/records?") && records().value("a") === "2" && !wrote++) profile.area.setItem("a", "x");
      if (method !== "POST" || path !== "/records" || wrote !== 1) return undefined;
      profile.area.setItem("a", "1");
      wrote++;
      return { status: 503, body: {} };
    };
    records().write("a", "2");
    await soon(() => expect(wrote).toBeGreaterThan(1));
    await soon(() => expect([profile.area.getItem("a"), records().value("a")]).toEqual(["2", "2"]));
  });

  it("are equal again where the page goes back to what it had while its write loses", async () => {
    records().policy = "AUTO_SKIP";
    const profile = newProfile([["a", "1"]]);
    await settled(profile);
    let sent = 0;
    world.server.intercept = ({ method, path, json }) => {
      if (method !== "POST" || path !== "/records" || !json.ops[0].line.includes("x") || sent++) return undefined;
      records().write("a", "2");
      profile.area.setItem("a", "1");
      return undefined;
    };
    profile.area.setItem("a", "x");
    await soon(() => expect(sent).toBe(1));
    await soon(() => expect([profile.area.getItem("a"), records().value("a")]).toEqual(["2", "2"]));
  });

  it("both stay until somebody decides, where that is the rule", async () => {
    records().policy = "INTERACTIVE";
    const { profile, client, asked } = await quarrel();
    await soon(() => expect(asked).toHaveBeenCalledOnce());
    expect(asked.mock.calls[0]![0]).toMatchObject({ key: "a", base: "1", local: "mine", remote: "theirs" });
    expect([profile.area.getItem("a"), records().value("a")]).toEqual(["mine", "theirs"]);
    expect(client.pending).toMatchObject({ count: 0, refused: [{ key: "a", reason: "conflict" }] });
    const listed = await client.listConflicts();
    const [conflict] = (listed as { conflicts: WriteConflict[] }).conflicts;
    expect(await client.resolveConflict(conflict!, { value: "both" })).toEqual({ ok: true });
    await soon(() => expect(profile.area.getItem("a")).toBe("both"));
    await soon(() => expect(client.pending.refused).toEqual([]));
  });

  it.each([
    ["local", "mine"],
    ["remote", "theirs"],
    [{ value: null }, null],
  ] as [ConflictChoice, string | null][])("end as the page chooses: %j", async (choice, value) => {
    records().policy = "INTERACTIVE";
    const { profile, client } = await quarrel({ onConflict: async () => choice });
    await soon(() => expect(profile.area.getItem("a")).toBe(value));
    expect(records().value("a") ?? null).toBe(value);
    await soon(() => expect(client.pending).toMatchObject({ count: 0, refused: [] }));
  });

  it("are still undecided at the next visit, and not sent again", async () => {
    records().policy = "INTERACTIVE";
    const { profile, client } = await quarrel();
    client.destroy();
    const before = ops().length;
    const again = await settled(profile);
    expect(again.pending.refused).toEqual([{ key: "a", reason: "conflict" }]);
    expect(ops().length).toBe(before);
    records().resolve(1, { choice: "remote" });
    await soon(() => expect(profile.area.getItem("a")).toBe("theirs"));
  });
});

describe("a server that is not the one it was", () => {
  it("is compared with anew when its database was restored", async () => {
    const profile = newProfile(manyPairs(5));
    const client = await settled(profile);
    const restored = records();
    restored.timeline = "other";
    profile.area.setItem("item:1", "after");
    restored.write("item:9", "there");
    await soon(() => expect(profile.area.getItem("item:9")).toBe("there"));
    await client.whenSynced();
    expect(sorted(records().held())).toEqual(sorted(profile.area.entries()));
  });

  it("is compared with anew when it has forgotten deletions this device never heard of", async () => {
    const profile = newProfile(manyPairs(5));
    const client = await settled(profile);
    client.destroy();
    for (let n = 0; n < 5; n++) records().write("late:" + n, "1");
    world.server.horizon = 8;
    await settled(profile);
    await soon(() => expect(profile.area.getItem("late:4")).toBe("1"));
    expect(sorted(records().held())).toEqual(sorted(profile.area.entries()));
  });
});
