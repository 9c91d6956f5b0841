import { describe, expect, it, vi } from "vitest";
import type { SettledWrite } from "../src/types.js";
import { manyPairs, newProfile, sorted } from "./support/client.js";
import { soon, useWriters } from "./support/writing.js";

const { world, open, installed, settled, records: recordsOf, ops, requests, block, unblock } = useWriters();

describe("what the page writes", () => {
  it("is on the server after a while, what was there before and what comes later", async () => {
    const profile = newProfile(manyPairs(20));
    const client = await installed(profile);
    expect(await client.whenSynced()).toEqual({ ok: true });
    expect(sorted(recordsOf().held())).toEqual(sorted(profile.area.entries()));
    profile.area.setItem("item:3", "changed");
    profile.area.removeItem("item:4");
    profile.area.setItem("new", "one");
    expect(await client.whenSynced()).toEqual({ ok: true });
    expect(sorted(recordsOf().held())).toEqual(sorted(profile.area.entries()));
    expect(client.pending).toMatchObject({ count: 0, bytes: 0, oldest: null, refused: [] });
  });

  it("travels once: a later visit sends only what differs", async () => {
    const profile = newProfile(manyPairs(30));
    const first = await installed(profile);
    await first.whenSynced();
    first.destroy();
    profile.area.setItem("item:1", "written while nobody looked");
    profile.area.removeItem("item:2");
    const before = ops().length;
    const second = await installed(profile);
    await second.whenSynced();
    expect(ops().slice(before).map(({ line }) => JSON.parse(line))).toEqual([
      ["item:1", "written while nobody looked"],
      ["item:2"],
    ]);
    expect(sorted(recordsOf().held())).toEqual(sorted(profile.area.entries()));
  });

  it("is not sent again where a run has moved it", async () => {
    const profile = newProfile(manyPairs(30));
    for (const [key, value] of manyPairs(30)) recordsOf().write(key, value, "run");
    await settled(profile);
    expect(ops()).toEqual([]);
    profile.area.setItem("item:1", "changed");
    await soon(() => expect(recordsOf().value("item:1")).toBe("changed"));
    expect(ops()).toEqual([{ seq: 1, line: '["item:1","changed"]', base: 2 }]);
  });

  it("is sent under rising numbers, each with the revision it was based on", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = await installed(profile);
    await client.whenSynced();
    profile.area.setItem("a", "2");
    await client.whenSynced();
    expect(ops()).toEqual([
      { seq: 1, line: '["a","1"]', base: null },
      { seq: 2, line: '["a","2"]', base: 1 },
    ]);
  });

  it("is told of: pending and its event", async () => {
    const profile = newProfile();
    const client = await installed(profile);
    await client.ready;
    block();
    const heard = vi.fn();
    client.on("pendingChanged", heard);
    profile.area.setItem("a", "1");
    await soon(() => expect(client.pending).toMatchObject({ count: 1, bytes: 1 }));
    expect(Date.now() - client.pending.oldest!).toBeLessThan(5000);
    unblock();
    await client.whenSynced();
    await soon(() => expect(client.pending).toMatchObject({ count: 0, paused: null }));
    expect(heard.mock.calls.map(([{ count }]) => count)).toContain(1);
  });

  it("settles with an outcome for each write", async () => {
    const profile = newProfile([["good", "1"]]);
    recordsOf().refuse = (key) => (key === "bad" ? "too_old" : undefined);
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
    expect(recordsOf().held()).toEqual([["a", "1"]]);
    expect(client.pending.refused.map(({ key }) => key).sort()).toEqual(["auth_token", "own:1"]);
  });

  it("is not blocked by one that is refused, nor is that one sent again unchanged", async () => {
    recordsOf().refuse = (key) => (key === "bad" && !recordsOf().value("fixed") ? "refused_here" : undefined);
    const profile = newProfile([["bad", "1"], ...manyPairs(5)]);
    const client = await installed(profile);
    await client.whenSynced();
    expect(recordsOf().held().length).toBe(5);
    expect(client.pending).toMatchObject({ count: 0, refused: [{ key: "bad", reason: "refused_here" }] });
    profile.area.setItem("fixed", "1");
    await client.whenSynced();
    expect(ops().filter(({ line }) => line.includes('"bad"')).length).toBe(1);
    profile.area.setItem("bad", "2");
    expect(await client.whenSynced("bad")).toEqual({ ok: true });
    expect(recordsOf().value("bad")).toBe("2");
    expect(client.pending.refused).toEqual([]);
  });

  it("travels in batches the server takes, and one it cannot take stands alone in the end", async () => {
    const profile = newProfile(manyPairs(1200));
    world.server.intercept = ({ json }) =>
      json?.ops?.some(({ line }: { line: string }) => line.includes('"item:7"'))
        ? { status: 422, body: { code: "line_form" } }
        : undefined;
    const client = await settled(profile);
    expect(client.pending).toMatchObject({ count: 0, refused: [{ key: "item:7", reason: "line_form" }] });
    expect(recordsOf().held().length).toBe(1199);
    expect(Math.max(...requests().map(({ json }) => json.ops.length))).toBeLessThanOrEqual(500);
  });

  it("waits while nobody is signed in, and goes on after that", async () => {
    let token: string | null = null;
    world.server.validToken = (given) => given;
    const client = await installed(newProfile([["a", "1"]]), { token: () => token });
    await soon(() => expect(client.pending).toMatchObject({ count: 1, paused: "unauthenticated" }));
    token = "anna";
    expect(await client.whenSynced()).toEqual({ ok: true });
    expect(recordsOf("anna").value("a")).toBe("1");
  });

  it("waits while the browser is offline, and goes when it is online", async () => {
    vi.stubGlobal("navigator", { onLine: false });
    const client = await installed(newProfile([["a", "1"]]));
    await soon(() => expect(client.pending).toMatchObject({ count: 1, paused: "offline" }));
    expect(world.server.calls.length).toBe(0);
    vi.stubGlobal("navigator", { onLine: true });
    expect(await client.whenSynced()).toEqual({ ok: true });
  });

  it("waits while the app's stage is off, and goes when it is raised", async () => {
    world.server.stage = "off";
    const client = await installed(newProfile([["a", "1"]]), { healthCheckInterval: 30 });
    await soon(() => expect(client.pending).toMatchObject({ count: 1, paused: "dual_write_off" }));
    world.server.stage = "dual_write";
    expect(await client.whenSynced()).toEqual({ ok: true });
    expect(recordsOf().value("a")).toBe("1");
  });

  it("arrives once, whatever becomes of the answers", async () => {
    let cut = 0;
    world.server.intercept = ({ path }) => (path === "/records" && cut++ < 5 ? "late" : undefined);
    const profile = newProfile(manyPairs(5));
    const client = await installed(profile);
    await client.whenSynced();
    expect(sorted(recordsOf().held())).toEqual(sorted(profile.area.entries()));
    expect(recordsOf().revision).toBe(5);
    expect(recordsOf().conflicts).toEqual([]);
  });

  it("goes on under a new fence when another tab had raised it", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    for (const device of world.server.fences.keys()) world.server.fences.set(device, 1);
    profile.area.setItem("a", "2");
    await client.whenSynced();
    expect(await client.startMigration().then(({ done }) => done)).toMatchObject({ ok: true });
    profile.area.setItem("a", "3");
    await client.whenSynced();
    expect(recordsOf().value("a")).toBe("3");
    const fences = requests().map(({ headers }) => Number(headers["migration-fence"]));
    expect(fences.at(-1)).toBeGreaterThan(fences[0]!);
  });

  it("goes out kept alive when the page is being left", async () => {
    const kept: (boolean | undefined)[] = [];
    vi.stubGlobal("document", { visibilityState: "hidden" });
    const client = await installed(newProfile([["a", "1"], ["b", "x".repeat(70_000)]]), {
      fetch: (url, init) => {
        if (`${url}`.endsWith("/records")) kept.push(init?.keepalive);
        return fetch(url, { ...init, keepalive: false });
      },
    });
    await client.whenSynced();
    // More than a browser keeps alive goes as ever.
    expect(kept).toEqual([false]);
    await client.whenSynced();
  });

  it("is nobody's business any more after uninstall", async () => {
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile);
    const waiting = client.whenSynced();
    client.uninstall();
    await waiting;
    const before = world.server.calls.length;
    profile.area.setItem("a", "2");
    expect(client.pending.paused).toBe("not_installed");
    expect(await client.install()).toEqual({ ok: true });
    await client.whenSynced();
    expect(world.server.calls.length).toBeGreaterThan(before);
    expect(recordsOf().value("a")).toBe("2");
  });
});
