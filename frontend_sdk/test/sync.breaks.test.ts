import { IDBDatabase } from "fake-indexeddb";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openStore } from "../src/store.js";
import { manyPairs, migrate, newProfile, sorted } from "./support/client.js";
import { createLocks } from "./support/locks.js";
import { soon, useWriters } from "./support/writing.js";

const { world, settled, records, ops, storeName } = useWriters();
const token = (sub: string) => `x.${btoa(JSON.stringify({ sub }))}.x`;
const who = { now: "anna" };
const signedIn = { token: () => token(who.now) };
const recognise = () => {
  who.now = "anna";
  world.server.validToken = (given) =>
    given.startsWith("guest-") ? given : (JSON.parse(atob(given.split(".")[1]!)) as { sub: string }).sub;
};

/** Sockets as the page sees them; each speaks once it is open, and then only when it is told to. */
const useSockets = () => {
  const sockets: { onmessage?(event: { data: string }): void; onclose?(): void; closed: boolean }[] = [];
  class Socket {
    onmessage?: (event: { data: string }) => void;
    onclose?: () => void;
    closed = false;
    constructor() {
      sockets.push(this);
      setTimeout(() => this.onmessage?.({ data: JSON.stringify({ type: "snapshot", revision: 0 }) }), 1);
    }
    close() {
      if (this.closed) return;
      this.closed = true;
      setTimeout(() => this.onclose?.(), 1);
    }
  }
  vi.stubGlobal("WebSocket", Socket);
  return sockets;
};

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the owner's socket", () => {
  it("is closed when another account signs in, and opened for that one", async () => {
    recognise();
    const sockets = useSockets();
    const client = await settled(newProfile([["a", "1"]]), signedIn);
    await soon(() => expect(sockets.length).toBe(1));
    vi.spyOn(Math, "random").mockReturnValue(0.01);
    who.now = "berta";
    await soon(() => expect(client.pending.paused).toBe("claimed_by_other"));
    await soon(() => expect(sockets.map(({ closed }) => closed)).toEqual([true]));
    // It would be opened anew at once.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(world.server.asked("POST", "/tickets").length, "nobody is told who has signed in").toBe(1);
    await client.takeOver();
    await client.whenSynced();
    await soon(() => expect(sockets.map(({ closed }) => closed)).toEqual([true, false]));
  });

  it("that says nothing of a restored database does not keep the page from noticing", async () => {
    const sockets = useSockets();
    const client = await settled(newProfile(manyPairs(3)));
    await soon(() => expect(sockets.length).toBe(1));
    const restored = records();
    restored.timeline = "restored";
    restored.write("item:0", "of the dump");
    // Nothing is written here and nothing is said: only a question can tell.
    await soon(() => expect(ops().length).toBeGreaterThan(3));
    await client.whenSynced();
    expect(sockets.filter(({ closed }) => closed)).toEqual([]);
    expect(sorted(restored.held()).length).toBe(3);
  });
});

describe("an IndexedDB that fails while the page is open", () => {
  /** From now on no transaction begins. */
  const fail = () =>
    vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(() => {
      throw new DOMException("failed", "UnknownError");
    });

  it("does not make the next leading tab give numbers twice", async () => {
    vi.stubGlobal("navigator", { locks: createLocks() });
    const profile = newProfile(manyPairs(5));
    const first = await settled(profile);
    const second = await settled(profile);
    for (const value of ["1", "2", "3"]) {
      profile.area.setItem("a", value);
      await first.whenSynced("a");
    }
    const failing = fail();
    first.destroy();
    profile.area.setItem("a", "written after it failed");
    expect(await second.whenSynced("a")).toEqual({ ok: true });
    await soon(() => expect(records().value("a")).toBe("written after it failed"));
    failing.mockRestore();
    second.destroy();
    // And the visit after that, which finds the old numbers again.
    const third = await settled(profile);
    profile.area.setItem("a", "at the next visit");
    await third.whenSynced("a");
    expect(records().value("a")).toBe("at the next visit");
  });
});

describe("a run without dual write", () => {
  const asGuest = async () => {
    recognise();
    const profile = newProfile([["a", "1"]]);
    expect((await migrate(world.open(profile))).ok).toBe(true);
    return profile;
  };

  it.each(["ask", "never"] as const)("leaves to a guest what the app says it may not take (%s)", async (guestAdoption) => {
    const client = world.open(await asGuest(), { ...signedIn, guestAdoption });
    expect(await migrate(client)).toMatchObject({ ok: false, code: "claimed_by_other" });
    expect((await client.createMigrationPlan()).blockers).toMatchObject([{ code: "claimed_by_other" }]);
    expect(world.server.asked("POST", "/runs").length).toBe(1);
    expect((await migrate(client, { takeOver: true })).ok).toBe(true);
  });

  it.each([undefined, "adopt", { existing: "never" }] as const)("takes over what it may (%o)", async (guestAdoption) => {
    const client = world.open(await asGuest(), { ...signedIn, ...(guestAdoption && { guestAdoption }) });
    expect((await client.createMigrationPlan()).blockers).toEqual([]);
    expect((await migrate(client)).ok).toBe(true);
  });
});

describe("a page that was put away and comes back", () => {
  it("says at once that it lives: what a crash tears from then on comes down again", async () => {
    const window = new EventTarget();
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
    const profile = newProfile([["a", "old"], ["b", "1"]]);
    const client = await settled(profile);
    window.dispatchEvent(new Event("pagehide"));
    await client.whenSynced();
    // Nobody is back sooner.
    await new Promise((resolve) => setTimeout(resolve, 120));
    window.dispatchEvent(new Event("pageshow"));
    profile.area.setItem("a", "new");
    await client.whenSynced("a");
    // A browser that dies says no last word, and loses what it had not written to its disk.
    const store = await openStore(profile.indexedDB, storeName(profile));
    const sign = await store._get<number>("alive");
    client.destroy();
    await store._update("alive", () => sign && sign - performance.now());
    profile.area.setItem("a", "old");
    await settled(profile);
    expect([profile.area.getItem("a"), records().value("a")]).toEqual(["new", "new"]);
  });
});

describe("a page that lets its client go", () => {
  it("hears nothing more of it, also where the server had not answered yet", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.1);
    world.server.intercept = ({ path }) => (path === "/comparisons" ? { status: 503 } : undefined);
    const told = () => world.server.asked("POST", "/comparisons");
    const client = await settled(newProfile([["a", "1"]]));
    await soon(() => expect(told().length).toBe(1));
    client.destroy();
    // It would have tried again after a tenth of a second, and once more after two.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(told().length).toBe(1);
  });
});
