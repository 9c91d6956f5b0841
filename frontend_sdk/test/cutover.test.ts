import { describe, expect, it, vi } from "vitest";
import type { CollectionStageChange } from "../src/types.js";
import { manyPairs, newProfile, sorted } from "./support/client.js";
import { soon, useWriters } from "./support/writing.js";

const { world, open, installed, settled, records, ops, block, unblock } = useWriters();

const loaded = vi.hoisted(() => ({ cutover: 0 }));
vi.mock("../src/cutover.js", async (original) => {
  const module = await original<typeof import("../src/cutover.js")>();
  return { createCutover: (core: never) => (loaded.cutover++, module.createCutover(core)) };
});

const NOTES = { name: "notes", patterns: ["note:*"] };
const noteOff = { collection: "notes", stage: "off" } as const;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a page in dual write", () => {
  it("never fetches what the stages beyond it need", async () => {
    const before = loaded.cutover;
    const profile = newProfile([["a", "1"]]);
    await settled(profile);
    records().write("b", "2");
    profile.area.setItem("a", "3");
    await soon(() => expect([profile.area.getItem("b"), records().value("a")]).toEqual(["2", "3"]));
    world.server.turn({ panic: true });
    await soon(() => expect(world.server.asked("GET", "/records").at(-1)!.headers["migration-epoch"]).toBe(world.server.epoch));
    expect(loaded.cutover).toBe(before);
  });

  it("fetches it as soon as one of them holds, and tells the page", async () => {
    const changes: CollectionStageChange[] = [];
    const client = await settled(newProfile([["a", "1"]]));
    client.on("collectionStageChanged", (change) => changes.push(change));
    world.server.turn({ stage: "ramp" });
    await soon(() =>
      expect(changes).toEqual([
        { collection: "", stage: "ramp", previous: "dual_write", reads: "server", reason: "as_requested" },
      ]),
    );
    world.server.turn({ panic: true });
    await soon(() => expect(changes.at(-1)).toMatchObject({ stage: "dual_write", reads: "browser", reason: "panic" }));
    expect(changes.length).toBe(2);
  });
});

describe("a collection that is put back with the rest", () => {
  it("is told of as one whose stage has changed", async () => {
    Object.assign(world.server, { collections: [NOTES], stage: "shadow", stages: [{ collection: "notes", stage: "ramp" }] });
    const changes: CollectionStageChange[] = [];
    const client = await settled(newProfile([["note:1", "n"]]));
    await soon(async () => expect(await client.get("note:1")).toMatchObject({ from: "server" }));
    client.on("collectionStageChanged", (change) => changes.push(change));
    world.server.turn({ stages: [] });
    await soon(() =>
      expect(changes).toEqual([
        { collection: "notes", stage: "shadow", previous: "ramp", reads: "browser", reason: "as_requested" },
      ]),
    );
    expect(await client.get("note:1")).toMatchObject({ from: "browser" });
  });
});

describe("an epoch that has risen", () => {
  it("costs no write, and its base stays what it was", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    block();
    profile.area.setItem("a", "2");
    await soon(() => expect(client.pending.count).toBe(1));
    world.server.turn({ stage: "server_primary" });
    unblock();
    expect(await client.whenSynced()).toEqual({ ok: true });
    expect(ops().at(-1)).toMatchObject({ line: '["a","2"]', base: 1 });
    expect(records().conflicts).toEqual([]);
  });
});

describe("a collection that is off", () => {
  it("stays here while others travel, and nothing of it is lost", async () => {
    world.server.collections = [NOTES];
    world.server.stages = [noteOff];
    const profile = newProfile([["a", "1"], ["note:1", "n"]]);
    const client = await installed(profile);
    expect(await client.whenSynced("a")).toEqual({ ok: true });
    expect(await client.whenSynced("note:1")).toMatchObject({ ok: false, code: "stage_off" });
    profile.area.setItem("note:2", "m");
    expect(await client.whenSynced("note:2")).toMatchObject({ ok: false, code: "stage_off" });
    expect(records().held()).toEqual([["a", "1"]]);
    expect(client.pending.refused.map(({ key }) => key).sort()).toEqual(["note:1", "note:2"]);
    world.server.turn({ stages: [] });
    await soon(() => expect(sorted(records().held())).toEqual(sorted(profile.area.entries())));
    expect(await client.whenSynced("note:1")).toEqual({ ok: true });
  });

  it("takes nothing from the server either, until it is on again", async () => {
    world.server.collections = [NOTES];
    const profile = newProfile([["a", "1"], ["note:1", "n"]]);
    const client = await settled(profile);
    world.server.turn({ stages: [noteOff] });
    records().write("note:1", "theirs");
    records().write("note:2", "new there");
    records().write("a", "2");
    await soon(() => expect(profile.area.getItem("a")).toBe("2"));
    expect([profile.area.getItem("note:1"), profile.area.getItem("note:2")]).toEqual(["n", null]);
    client.destroy();
    // It comes back while nobody looks, and everything else is as in dual write.
    world.server.turn({ stages: [] });
    await settled(profile);
    await soon(() => expect([profile.area.getItem("note:1"), profile.area.getItem("note:2")]).toEqual(["theirs", "new there"]));
  });
});

describe("what a rollback did", () => {
  const rolledBack = async (stage: "dual_write" | "server_primary") => {
    world.server.stage = stage;
    const profile = newProfile([["a", "1"], ["b", "1"]]);
    const client = await settled(profile);
    records().write("a", "0", "rollback");
    records().write("b", "0", "rollback");
    let asked = 0;
    world.server.intercept = ({ method, path }) => {
      if (method === "GET" && path.startsWith("/records?") && !asked++) profile.area.setItem("b", "mine");
      return undefined;
    };
    await soon(() => expect(asked).toBeGreaterThan(1));
    await client.whenSynced();
    return { profile, client };
  };

  it("is not taken where this browser answers reads", async () => {
    const { profile, client } = await rolledBack("dual_write");
    expect([profile.area.getItem("a"), profile.area.getItem("b")]).toEqual(["1", "mine"]);
    await client.whenSynced();
  });

  it("is taken where the server does, but for what is still to be sent", async () => {
    const { profile, client } = await rolledBack("server_primary");
    await soon(() => expect(profile.area.getItem("a")).toBe("0"));
    await client.whenSynced();
    expect([profile.area.getItem("b"), records().value("b"), records().value("a")]).toEqual(["mine", "mine", "0"]);
  });
});

describe("a read", () => {
  it("is this browser's before the server answers any", async () => {
    world.server.stage = "shadow";
    const client = await settled(newProfile([["a", "1"]]));
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser" });
    expect(await client.getAll()).toEqual({ ok: true, entries: [["a", "1"]], from: "browser" });
    expect(world.server.asked("POST", "/records/read")).toEqual([]);
  });

  it("is the server's in ramp and beyond", async () => {
    world.server.stage = "ramp";
    const client = await settled(newProfile([["a", "1"]]), { syncInterval: 60_000 });
    records().write("a", "theirs");
    records().write("new", "there");
    expect(await client.get("a")).toEqual({ ok: true, value: "theirs", from: "server" });
    expect(await client.get("none")).toEqual({ ok: true, value: null, from: "server" });
    expect(await client.getAll()).toEqual({ ok: true, entries: [["a", "theirs"], ["new", "there"]], from: "server" });
  });

  it("asks for many keys at once", async () => {
    world.server.stage = "server_primary";
    const client = await settled(newProfile(manyPairs(20)));
    await Promise.all(manyPairs(20).map(([key]) => client.get(key)));
    expect(world.server.asked("POST", "/records/read").length).toBeLessThan(4);
  });

  it("shows what the page wrote itself before the server has it", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    block();
    profile.area.setItem("a", "mine");
    expect(await client.get("a")).toEqual({ ok: true, value: "mine", from: "browser", reason: "pending" });
    profile.area.setItem("b", "also mine");
    const all = await client.getAll();
    expect(all).toMatchObject({ from: "server", entries: [["a", "mine"], ["b", "also mine"]] });
  });

  it("never shows what the page overwrote while the server was asked", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    world.server.intercept = ({ path }) => {
      if (path === "/records/read") profile.area.setItem("a", "written meanwhile");
      return undefined;
    };
    expect(await client.get("a")).toMatchObject({ value: "written meanwhile", from: "browser" });
  });

  it("is this browser's where the server does not answer in time, and says so", async () => {
    world.server.stage = "server_primary";
    const client = await settled(newProfile([["a", "1"]]), { readTimeout: 60 });
    world.server.intercept = async ({ path }) => (path.startsWith("/records") && (await pause(400)), undefined);
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "timeout" });
    expect(await client.getAll()).toEqual({ ok: true, entries: [["a", "1"]], from: "browser", reason: "timeout" });
  });

  it("says when this browser has not heard from the server for longer than it may", async () => {
    Object.assign(world.server, { stage: "server_primary", leaseSeconds: 0 });
    const client = await settled(newProfile([["a", "1"]]));
    world.server.intercept = () => ({ status: 400, body: { code: "bad_request" } });
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "lease_over" });
  });

  it("says why the stage is not the one requested", async () => {
    Object.assign(world.server, { stage: "ramp", panic: true });
    const client = await settled(newProfile([["a", "1"]]));
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "panic" });
  });

  it("of one collection follows that collection's stage", async () => {
    world.server.collections = [NOTES];
    world.server.stages = [{ collection: "notes", stage: "server_primary" }];
    const client = await settled(newProfile([["a", "1"], ["note:1", "n"]]), { syncInterval: 60_000 });
    records().write("a", "theirs");
    records().write("note:2", "m");
    expect(await client.getAll("notes")).toEqual({ ok: true, entries: [["note:1", "n"], ["note:2", "m"]], from: "server" });
    expect(await client.get("a")).toMatchObject({ from: "browser" });
    expect(await client.get("note:2")).toMatchObject({ ok: true, value: "m" });
  });

  it("is not answered with another account's data", async () => {
    world.server.stage = "server_primary";
    world.server.validToken = (given) => given;
    let who = "anna";
    const client = await settled(newProfile([["a", "1"]]), { token: () => who, guestAdoption: "ask" });
    records("ben").write("a", "ben's");
    who = "ben";
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "claimed_by_other" });
  });

  it("finds what was lost here, where so much is missing at once", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile(manyPairs(10));
    const client = await settled(profile);
    profile.area.clear();
    await soon(() => expect(client.pending.missing).toBe(10));
    expect(await client.get("item:3")).toMatchObject({ value: manyPairs(10)[3]![1], from: "server" });
    expect(sorted((await client.getAll() as any).entries)).toEqual(sorted(manyPairs(10)));
  });
});

describe("a page whose reads the server answers", () => {
  it("is ready once the server's changes have come down, not before", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    (await settled(profile)).destroy();
    records().write("a", "2");
    world.server.intercept = async ({ path }) => (path.startsWith("/records?") && (await pause(100)), undefined);
    const client = open(profile);
    expect(await client.ready).toEqual({ ok: true });
    expect(profile.area.getItem("a")).toBe("2");
  });

  it("starts with what is here where the server is away", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    (await settled(profile)).destroy();
    world.server.intercept = () => ({ status: 503 });
    const client = open(profile, { readyTimeout: 50, readTimeout: 50 });
    expect(await client.ready).toMatchObject({ ok: false, code: "not_ready" });
    expect(await client.get("a")).toMatchObject({ value: "1", from: "browser" });
  });

  it("has what the server holds in its own storage when it is stepped back", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    await settled(profile);
    records().write("a", "2");
    records().write("b", "3");
    await soon(() => expect(profile.area.getItem("b")).toBe("3"));
    world.server.turn({ stage: "off" });
    expect(sorted(profile.area.entries())).toEqual([["a", "2"], ["b", "3"]]);
  });
});

describe("the page's own options", () => {
  it("keep all reads here: enableGradualCutover", async () => {
    world.server.stage = "server_primary";
    const client = await settled(newProfile([["a", "1"]]), { enableGradualCutover: false });
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "page_setting" });
  });

  it("limit the share of browsers: cutoverPercentage", async () => {
    world.server.stage = "server_primary";
    const none = await settled(newProfile([["a", "1"]]), { cutoverPercentage: 0 });
    expect(await none.get("a")).toMatchObject({ from: "browser", reason: "page_setting" });
    const all = await settled(newProfile([["a", "1"]]), { cutoverPercentage: 100 });
    expect(await all.get("a")).toMatchObject({ from: "server" });
  });

  it("may be said with a run, and hold on later visits", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    expect(await client.get("a")).toMatchObject({ from: "server" });
    await (await client.startMigration({ cutoverPercentage: 0 })).done;
    await soon(async () => expect(await client.get("a")).toMatchObject({ from: "browser", reason: "page_setting" }));
    client.destroy();
    expect(await (await settled(profile)).get("a")).toMatchObject({ from: "browser", reason: "page_setting" });
  });
});
