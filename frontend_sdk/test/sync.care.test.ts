import { describe, expect, it, vi } from "vitest";
import { openStore } from "../src/store.js";
import type { Absence } from "../src/types.js";
import { manyPairs, newProfile, sorted, type Profile } from "./support/client.js";
import { createLocks } from "./support/locks.js";
import { soon, useWriters } from "./support/writing.js";

const { world, open, installed, settled, records, ops, requests, block, unblock, storeName } = useWriters();

describe("a storage that was emptied", () => {
  const emptied = async () => {
    const profile = newProfile(manyPairs(10));
    const client = await settled(profile);
    const absence = vi.fn<(absence: Absence) => void>();
    client.on("absence", absence);
    profile.area.clear();
    await soon(() => expect(client.pending.missing).toBe(10));
    await soon(() => expect(absence).toHaveBeenCalledOnce());
    expect(absence.mock.calls[0]![0].keys.length).toBe(10);
    return { profile, client };
  };

  it("empties nothing on the server", async () => {
    const { profile, client } = await emptied();
    profile.area.setItem("new", "1");
    await client.whenSynced("new");
    expect(records().held().length).toBe(11);
  });

  it("while it was looked at empties nothing either", async () => {
    const profile = newProfile(manyPairs(10));
    const client = await settled(profile);
    const read = profile.area.getItem.bind(profile.area);
    let reads = 0;
    vi.spyOn(profile.area, "getItem").mockImplementation((key) => {
      if (++reads === 7) profile.area.clear();
      return read(key);
    });
    void client.whenSynced();
    await soon(() => expect(client.pending.missing).toBe(10));
    expect(records().held().length).toBe(10);
  });

  it("is filled again when the page wants that", async () => {
    const { profile, client } = await emptied();
    expect(await client.resolveAbsence("restore")).toEqual({ ok: true });
    await soon(() => expect(sorted(profile.area.entries())).toEqual(sorted(manyPairs(10))));
    await soon(() => expect(client.pending).toMatchObject({ count: 0, missing: 0 }));
    expect(ops().length).toBe(10);
  });

  it("empties the server's side when the page says that it was meant", async () => {
    const { client } = await emptied();
    expect(await client.resolveAbsence("delete")).toEqual({ ok: true });
    await client.whenSynced();
    expect(records().held()).toEqual([]);
  });

  it("is still no wish to delete at the next visit", async () => {
    const { profile, client } = await emptied();
    client.destroy();
    const again = await installed(profile);
    await soon(() => expect(again.pending).toMatchObject({ missing: 10, paused: null }));
    expect(records().held().length).toBe(10);
  });

  it("is taken for edited where the app says how many may go at once", async () => {
    world.server.deletionLimit = 8;
    const profile = newProfile(manyPairs(10));
    const client = await settled(profile);
    for (let n = 0; n < 8; n++) profile.area.removeItem("item:" + n);
    await client.whenSynced();
    expect(records().held().length).toBe(2);
  });

  it.each([
    ["the app's limit", 2, undefined],
    ["the page's, where that is lower", 8, 2],
    ["the page's, which raises nothing", 2, 8],
    ["the page's, where the app has none", 0, 2],
  ])("is not taken for edited beyond %s", async (_, app, page) => {
    world.server.deletionLimit = app;
    const profile = newProfile(manyPairs(10));
    const client = await settled(profile, { deletionLimit: page });
    for (let n = 0; n < 3; n++) profile.area.removeItem("item:" + n);
    await soon(() => expect(client.pending.missing).toBe(3));
    profile.area.setItem("late", "1");
    await client.whenSynced("late");
    expect(records().held().length).toBe(11);
  });

  it("is deleted after all where the server found it too much, once the page says that it was meant", async () => {
    const profile = newProfile(manyPairs(10));
    const client = await settled(profile);
    records().refuse = (key) => (key === "item:0" ? "too_many_deletions" : undefined);
    profile.area.removeItem("item:0");
    await soon(() => expect(client.pending.refused).toEqual([{ key: "item:0", reason: "too_many_deletions" }]));
    expect(requests().at(-1)!.json.confirmed).toBe(false);
    records().refuse = () => undefined;
    expect(await client.resolveAbsence("delete")).toEqual({ ok: true });
    await soon(() => expect(records().held().length).toBe(9));
    expect(requests().at(-1)!.json.confirmed).toBe(true);
    await soon(() => expect(client.pending).toMatchObject({ count: 0, refused: [] }));
  });

  it("comes back whole where the browser took the table with it", async () => {
    const profile = newProfile(manyPairs(10));
    (await settled(profile)).destroy();
    const evicted = newProfile();
    await settled(evicted);
    expect(sorted(evicted.area.entries())).toEqual(sorted(manyPairs(10)));
    expect(records().held().length).toBe(10);
  });
});

describe("a browser that died", () => {
  /** As a crash leaves it: the last sign of life is there, localStorage stands as it did a moment before. */
  const crash = async (profile: Profile, before: string | null) => {
    const store = await openStore(profile.indexedDB, storeName(profile));
    await store._update("alive", () => Date.now() - performance.now() - 1000);
    if (before === null) profile.area.removeItem("a");
    else profile.area.setItem("a", before);
  };
  const acked = async () => {
    const profile = newProfile([["a", "old"], ["b", "1"]]);
    const client = await settled(profile);
    profile.area.setItem("a", "new");
    await client.whenSynced();
    return { profile, client };
  };

  it("and lost what was acknowledged gets it back, and does not undo it", async () => {
    const { profile, client } = await acked();
    client.destroy();
    await crash(profile, "old");
    const before = ops().length;
    await settled(profile);
    expect(profile.area.getItem("a")).toBe("new");
    expect(ops().length).toBe(before);
  });

  it("and lost a key that was new gets it back", async () => {
    const profile = newProfile([["b", "1"]]);
    const client = await settled(profile);
    profile.area.setItem("a", "new");
    await client.whenSynced();
    client.destroy();
    await crash(profile, null);
    await settled(profile);
    expect(profile.area.getItem("a")).toBe("new");
    expect(records().value("a")).toBe("new");
  });

  it("and lost several acknowledged writes of one key gets the last one back", async () => {
    const { profile, client } = await acked();
    profile.area.setItem("a", "newest");
    await client.whenSynced();
    client.destroy();
    await crash(profile, "old");
    const before = ops().length;
    await settled(profile);
    expect(profile.area.getItem("a")).toBe("newest");
    expect(ops().length).toBe(before);
  });

  it("and lost any number of them gets the last one back", async () => {
    const { profile, client } = await acked();
    for (let n = 0; n < 20; n++) {
      profile.area.setItem("a", `new ${n}`);
      await client.whenSynced();
    }
    client.destroy();
    await crash(profile, "old");
    const before = ops().length;
    await settled(profile);
    expect(profile.area.getItem("a")).toBe("new 19");
    expect(ops().length).toBe(before);
  });

  it("has what it wrote longer ago taken for a wish", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 31_000 });
    const { profile, client } = await acked().finally(() => vi.useRealTimers());
    profile.area.setItem("a", "newest");
    await client.whenSynced();
    client.destroy();
    await crash(profile, "old");
    await settled(profile);
    expect([profile.area.getItem("a"), records().value("a")]).toEqual(["old", "old"]);
  });

  it("after the page had written the former value back sends that", async () => {
    const { profile, client } = await acked();
    block();
    profile.area.setItem("a", "old");
    await soon(() => expect(client.pending.count).toBe(1));
    client.destroy();
    unblock();
    await crash(profile, "old");
    await settled(profile);
    expect([profile.area.getItem("a"), records().value("a")]).toEqual(["old", "old"]);
  });

  it("in peace has what stands there taken for what it is", async () => {
    const { profile, client } = await acked();
    client.destroy();
    profile.area.setItem("a", "old");
    await settled(profile);
    expect([profile.area.getItem("a"), records().value("a")]).toEqual(["old", "old"]);
  });
});

describe("whose the data is", () => {
  const token = (sub: string) => `x.${btoa(JSON.stringify({ sub }))}.x`;
  const who = { now: "anna" };
  const signedIn = { token: () => token(who.now) };
  const recognise = () => {
    world.server.validToken = (given) =>
      given.startsWith("guest-") ? given : (JSON.parse(atob(given.split(".")[1]!)) as { sub: string }).sub;
  };

  it("is not forgotten: another account is sent nothing", async () => {
    recognise();
    who.now = "anna";
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile, signedIn);
    const changed = vi.fn();
    client.on("ownerChanged", changed);
    who.now = "berta";
    profile.area.setItem("a", "2");
    await soon(() => expect(client.pending).toMatchObject({ count: 1, paused: "claimed_by_other" }));
    expect(changed).toHaveBeenCalledOnce();
    expect(records("berta").held()).toEqual([]);
    who.now = "anna";
    await client.whenSynced();
    expect(records("anna").value("a")).toBe("2");
    expect(records("berta").revision).toBe(0);
  });

  it("changes when the page says so", async () => {
    recognise();
    who.now = "anna";
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile, signedIn);
    who.now = "berta";
    records("berta").write("hers", "2");
    await soon(() => expect(client.pending.paused).toBe("claimed_by_other"));
    expect(await client.takeOver()).toEqual({ ok: true });
    await client.whenSynced();
    await soon(() => expect(profile.area.getItem("hers")).toBe("2"));
    expect(sorted(records("berta").held())).toEqual([["a", "1"], ["hers", "2"]]);
  });

  it("goes over with a guest who becomes an account", async () => {
    recognise();
    who.now = "anna";
    const profile = newProfile([["a", "1"]]);
    (await settled(profile)).destroy();
    await settled(profile, signedIn);
    expect(records("anna").held()).toEqual([["a", "1"]]);
  });

  it("stays a guest's where the page wants to ask first", async () => {
    recognise();
    who.now = "anna";
    const profile = newProfile([["a", "1"]]);
    (await settled(profile)).destroy();
    const client = await installed(profile, { ...signedIn, guestAdoption: "ask" });
    await soon(() => expect(client.pending.paused).toBe("claimed_by_other"));
    expect(records("anna").held()).toEqual([]);
    await client.takeOver();
    await soon(() => expect(records("anna").held()).toEqual([["a", "1"]]));
  });
});

describe("two tabs", () => {
  it("have one that speaks with the server; the other knows what it was told", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    const profile = newProfile(manyPairs(5));
    const first = await settled(profile);
    const second = await settled(profile);
    const settledThere = vi.fn();
    second.on("writeSettled", settledThere);
    profile.area.setItem("late", "1");
    expect(await second.whenSynced("late")).toEqual({ ok: true });
    await soon(() => expect(settledThere).toHaveBeenCalledWith(expect.objectContaining({ key: "late", outcome: "accepted" })));
    await soon(() => expect([first.pending.count, second.pending.count]).toEqual([0, 0]));
    expect(ops().length).toBe(6);
  });

  it("hand over when the leading one goes, within two seconds", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    const profile = newProfile(manyPairs(5));
    const first = await settled(profile);
    const second = await settled(profile);
    block();
    profile.area.setItem("late", "written in the first");
    await soon(() => expect(first.pending.count).toBe(1));
    first.destroy();
    unblock();
    const began = performance.now();
    await second.whenSynced();
    expect(performance.now() - began).toBeLessThan(2000);
    expect(records().value("late")).toBe("written in the first");
  });

  it("know why nothing moves, and what is refused, also where one of them came later", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    records().refuse = (key) => (key === "bad" ? "schema_mismatch" : undefined);
    const profile = newProfile([["bad", "1"], ["good", "1"]]);
    const first = await settled(profile);
    const second = await settled(profile);
    const refused = [{ key: "bad", reason: "schema_mismatch" }];
    await soon(() => expect(second.pending).toMatchObject({ count: 0, refused, paused: null }));
    block();
    profile.area.setItem("good", "2");
    await soon(() => expect(first.pending.paused).toBe("unavailable"));
    await soon(() => expect(second.pending).toMatchObject({ count: 1, paused: "unavailable" }));
    unblock();
    await second.whenSynced();
  });

  it("know the same where only the leading one lost its IndexedDB, and it says why nothing moves", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    const profile = newProfile(manyPairs(5));
    await settled(profile, { indexedDB: null });
    const second = await settled(profile);
    await soon(() => expect(second.pending.count).toBe(0));
    block();
    profile.area.setItem("late", "1");
    await soon(() => expect(second.pending.paused).toBe("unavailable"));
    unblock();
    await second.whenSynced("late");
    await soon(() => expect(second.pending).toMatchObject({ count: 0, paused: null }));
  });

  it("judge anew what the former leading one held back", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    world.server.collections = [{ name: "notes", patterns: ["note:*"] }];
    world.server.stages = [{ collection: "notes", stage: "off" }];
    const profile = newProfile([["a", "1"], ["note:1", "n"]]);
    const first = await settled(profile, { indexedDB: null });
    const second = await settled(profile);
    await soon(() => expect(second.pending.refused).toEqual([{ key: "note:1", reason: "stage_off" }]));
    world.server.turn({ stages: [] });
    first.destroy();
    await soon(() => expect(records().value("note:1")).toBe("n"));
    await soon(() => expect(second.pending.refused).toEqual([]));
  });

  it("keep to once where there are no locks", async () => {
    const profile = newProfile(manyPairs(5));
    const tabs = await Promise.all([settled(profile), settled(profile)]);
    for (let n = 0; n < 10; n++) {
      profile.area.setItem("a", String(n));
      await Promise.all(tabs.map((tab) => tab.whenSynced()));
      expect(records().value("a")).toBe(String(n));
    }
    expect(records().revision).toBe(15);
    expect(records().conflicts).toEqual([]);
    expect(requests().length).toBeGreaterThan(9);
  });
});

describe("without IndexedDB", () => {
  it("everything is still sent and fetched, only anew at each visit", async () => {
    const profile = newProfile(manyPairs(5));
    const first = open(profile, { indexedDB: null });
    await first.install();
    await first.whenSynced();
    records().write("there", "1");
    await soon(() => expect(profile.area.getItem("there")).toBe("1"));
    first.destroy();
    profile.area.removeItem("item:0");
    const again = open(profile, { indexedDB: null });
    await again.ready;
    // Without a table absence means nothing.
    await soon(() => expect(profile.area.getItem("item:0")).not.toBeNull());
    expect(records().held().length).toBe(6);
  });
});
