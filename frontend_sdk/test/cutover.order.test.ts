import { describe, expect, it, vi } from "vitest";
import { manyPairs, newProfile } from "./support/client.js";
import { createLocks } from "./support/locks.js";
import type { Call } from "./support/server.js";
import { AreaStorage } from "./support/storage.js";
import { soon, useWriters } from "./support/writing.js";

/** Nobody is shown anything older than before, whichever side answers. */
const { world, open, settled, records, storeName } = useWriters();

const QUIET = { syncInterval: 60_000 };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const isRead = ({ path }: Call) => path === "/records/read";
/** The leading tab's own look for changes takes a while. */
const slowly = async ({ path, headers }: Call): Promise<undefined> => {
  if (path.startsWith("/records?") && headers["migration-fence"]) await pause(100);
};

describe("what the server answered", () => {
  const newer = async (options = {}) => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile, { ...QUIET, ...options });
    world.server.intercept = slowly;
    records().write("a", "2");
    return { profile, client };
  };

  it("is in the page's storage when it is shown", async () => {
    const { profile, client } = await newer();
    expect(await client.get("a")).toEqual({ ok: true, value: "2", from: "server" });
    expect(profile.area.getItem("a")).toBe("2");
  });

  it("is what the browser answers with after it", async () => {
    const { client } = await newer();
    await client.get("a");
    world.server.intercept = (call) => (isRead(call) ? { status: 400, body: { code: "bad_request" } } : undefined);
    expect(await client.get("a")).toMatchObject({ value: "2", from: "browser" });
  });

  it("is in the page's storage when a list shows it", async () => {
    const { profile, client } = await newer();
    records().write("b", "3");
    expect(await client.getAll()).toEqual({ ok: true, entries: [["a", "2"], ["b", "3"]], from: "server" });
    expect(profile.area.entries()).toEqual([["a", "2"], ["b", "3"]]);
  });

  it("is not shown where it cannot come down", async () => {
    const { client } = await newer({ readTimeout: 300 });
    world.server.intercept = (call) => (call.path.startsWith("/records?") ? { status: 400, body: { code: "bad_request" } } : undefined);
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser", reason: "timeout" });
  });

  it("is shown where there is no room for it", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile();
    profile.area = new AreaStorage([["a", "1"]], 10);
    const client = await settled(profile, QUIET);
    records().write("a", "much too long");
    expect(await client.get("a")).toEqual({ ok: true, value: "much too long", from: "server" });
    expect(profile.area.getItem("a")).toBe("1");
  });
});

describe("a list of what is older than the page's own write", () => {
  it("does not hide that, once it was sent", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"], ...manyPairs(9)]);
    const client = await settled(profile, QUIET);
    for (const [key] of manyPairs(9)) profile.area.removeItem(key);
    void client.whenSynced();
    await soon(() => expect(client.pending.missing).toBe(9));
    records().write("a", "2");
    let written = false;
    // What is missing here is asked for once the changes are there.
    world.server.intercept = async (call) => {
      if (!isRead(call)) return slowly(call);
      profile.area.setItem("a", "mine");
      written = (await client.whenSynced("a")).ok;
      return undefined;
    };
    const answer = await client.getAll();
    expect(answer.ok && new Map(answer.entries).get("a")).toBe("mine");
    expect(written).toBe(true);
  });
});

describe("a list the browser answers after all", () => {
  it("has what the page wrote while the server was asked", async () => {
    world.server.stage = "server_primary";
    const profile = newProfile([["a", "1"]]);
    const client = await settled(profile, QUIET);
    world.server.intercept = ({ method, path }) => {
      if (method !== "GET" || !path.startsWith("/records?")) return undefined;
      profile.area.setItem("a", "mine");
      return { status: 400, body: { code: "bad_request" } };
    };
    expect(await client.getAll()).toEqual({ ok: true, entries: [["a", "mine"]], from: "browser", reason: "bad_request" });
  });
});

describe("a stage that changes while the server is asked", () => {
  it("is the one that answers", async () => {
    world.server.stage = "server_primary";
    const client = await settled(newProfile([["a", "1"]]), QUIET);
    world.server.intercept = (call) => {
      if (isRead(call) && world.server.stage === "server_primary") world.server.turn({ stage: "shadow" });
      return undefined;
    };
    expect(await client.get("a")).toEqual({ ok: true, value: "1", from: "browser" });
  });
});

describe("a tab that says what held before", () => {
  it("leaves no other tab with it", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    const profile = newProfile([["a", "1"]]);
    await settled(profile);
    const second = open(profile);
    await second.install();
    const former = { ...world.server.config, heard: true };
    world.server.turn({ stage: "server_primary" });
    await soon(async () => expect(await second.get("a")).toMatchObject({ from: "server" }));
    const late = new BroadcastChannel(storeName(profile));
    late.postMessage({ config: former });
    await pause(100);
    late.close();
    expect(await second.get("a")).toMatchObject({ from: "server" });
  });
});
