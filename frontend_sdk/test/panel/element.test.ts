// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defineElement, TAG, type MigrationProgressElement } from "../../src/panel/element.js";
import { pretendClient, receipt, snapshot, type PretendClient } from "./pretend-client.js";

let client: PretendClient;
let element: MigrationProgressElement;

const root = () => element.shadowRoot!;
const title = () => root().querySelector("h2")?.textContent ?? "";
const text = () => root().querySelector("section")?.textContent ?? "";
const aloud = () => root().querySelector("[role=status]")?.textContent ?? "";
const buttons = () => [...root().querySelectorAll("button")];
const shown = () => buttons().filter((button) => !button.hidden);
const button = (name: string) => buttons().find((one) => one.textContent?.startsWith(name));
const settled = () => vi.advanceTimersByTimeAsync(100);
const press = async (name: string) => {
  button(name)!.click();
  await settled();
};
const mounted = async () => {
  element = document.createElement(TAG) as MigrationProgressElement;
  element.client = client;
  document.body.append(element);
  await settled();
};
const completed = () => {
  client.status = { ...client.status, receipt: receipt(), run: snapshot("completed") };
  client.need = { ...client.need, recommendation: "up_to_date", needed: false };
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, "warn");
  defineElement();
  client = pretendClient();
});

afterEach(() => {
  element.remove();
  expect(console.warn).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("what it begins with", () => {
  it("offers what was found, what stays and why, and one button", async () => {
    await mounted();
    expect(title()).toBe("512 items live only in this browser");
    expect(text()).toContain("notes");
    expect(text()).toContain("everything else");
    expect(text()).toContain("auth_token — looks like a sign-in");
    expect(text()).toContain("Takes about 1–5 s.");
    expect(shown().map((one) => one.textContent)).toEqual(["Move 512 items"]);
  });

  it("shows nothing where there is nothing to move and nothing to restore", async () => {
    client.need = { needed: false, itemCount: 0, storageSize: 0, recommendation: "empty" };
    client.refuse.listBackups = "network";
    await mounted();
    expect(element.hidden).toBe(true);
  });

  it("shows nothing in a browser that cannot take part", async () => {
    client.need = { ...client.need, recommendation: "unsupported" };
    await mounted();
    expect(element.hidden).toBe(true);
  });

  it("offers a backup to an empty browser", async () => {
    client.need = { needed: false, itemCount: 0, storageSize: 0, recommendation: "empty" };
    await mounted();
    expect(title()).toBe("This browser is empty; the server is not");
    await press("Restore");
    expect(client.asked).toContain("restoreBackup");
    expect(title()).toBe("512 items are back");
  });

  it("says in plain words why it cannot begin, and looks again on demand", async () => {
    client.blockers = [{ code: "network", detail: "network" }];
    await mounted();
    expect(text()).toContain("The server cannot be reached just now.");
    expect(button("Move")).toBeUndefined();
    client.blockers = [];
    await press("Try again");
    expect(button("Move")).toBeDefined();
  });

  it("goes on by itself with what an earlier visit left", async () => {
    client.need = { ...client.need, recommendation: "resume" };
    await mounted();
    expect(client.asked).toContain("startMigration");
  });

  it("waits for the user where the user had paused", async () => {
    client.need = { ...client.need, recommendation: "resume" };
    client.status = { ...client.status, run: snapshot("transferring", { paused: true }) };
    await mounted();
    expect(client.asked).not.toContain("startMigration");
    await press("Go on");
    expect(client.asked).toContain("startMigration");
  });

  it("shows the receipt of an earlier move", async () => {
    completed();
    await mounted();
    expect(title()).toBe("Your data is on the server");
    expect(text()).toContain("3f9a2c1b");
  });

  it("sees that somebody undid the move meanwhile", async () => {
    client.status = { ...client.status, receipt: receipt(), run: snapshot("rolled_back") };
    await mounted();
    expect(title()).toBe("The move was undone");
  });
});

describe("while it moves", () => {
  const moving = async () => {
    await mounted();
    await press("Move");
    client.advance({
      stage: "transferring",
      percentage: 61,
      processed: 312,
      total: 512,
      entriesPerSecond: 1240,
      etaSeconds: 2,
      run: snapshot("transferring"),
    });
  };
  const bar = () => root().querySelector("[role=progressbar]")!;

  it("tells counts, pace and time left, and keeps the same nodes", async () => {
    await moving();
    const before = bar();
    expect(title()).toBe("Moving your data");
    expect(text()).toContain("312 of 512 items");
    expect(text()).toContain("1,240 items/s · 2 s left");
    client.advance({ percentage: 80, processed: 410 });
    expect(bar()).toBe(before);
    expect(bar().getAttribute("aria-valuenow")).toBe("80");
  });

  it("speaks of stages and quarters, not of every step", async () => {
    await moving();
    client.advance({ percentage: 62 });
    const said = aloud();
    client.advance({ percentage: 70 });
    expect(aloud()).toBe(said);
    client.advance({ percentage: 76 });
    expect(aloud()).toBe("Moving your data: 75 %");
    client.advance({ stage: "verifying" });
    expect(aloud()).toBe("Checking every item");
  });

  it("pauses, goes on and cancels", async () => {
    await moving();
    await press("Pause");
    client.advance({ paused: "user", run: snapshot("transferring", { paused: true }) });
    expect(title()).toBe("Paused");
    expect(text()).not.toContain("left");
    await press("Go on");
    await press("Cancel");
    expect(client.asked.slice(-3)).toEqual(["pause", "resume", "cancel"]);
    await client.end({ ok: false, state: "cancelled", run: snapshot("cancelled") });
    await settled();
    expect(title()).toBe("Cancelled");
    expect(button("Undo…")).toBeDefined();
  });

  it.each([
    ["auth", "Waiting until you are signed in again"],
    ["offline", "No connection; it goes on by itself"],
    ["server", "Waiting for the server; it goes on by itself"],
  ] as const)("says why nothing moves: %s", async (reason, words) => {
    await moving();
    client.advance({ paused: reason });
    expect(title()).toBe(words);
  });

  it("only looks on where another tab leads", async () => {
    await moving();
    client.advance({ leading: false });
    expect(text()).toContain("Another tab of this app is doing it.");
    expect(shown()).toEqual([]);
  });

  it("lists errors by entry, the newest of many", async () => {
    await moving();
    const errors = Array.from({ length: 5 }, (_, n) => ({ code: "too_large", detail: "", at: "", key: `key ${n}` }));
    client.advance({ errors });
    expect(text()).toContain("key␣4: An item is larger than the server takes.");
    expect(text()).not.toContain("key␣1");
    expect(text()).toContain("and 2 more");
  });

  it("says what went wrong and that nothing is lost", async () => {
    await moving();
    await client.end({ ok: false, state: "failed", code: "verification_failed", run: snapshot("failed") });
    await settled();
    expect(title()).toBe("It did not work this time");
    expect(text()).toContain("Nothing is lost");
    await press("Try again");
    expect(client.asked.filter((name) => name === "startMigration")).toHaveLength(2);
  });

  it("shows the receipt in the end, and that the page wrote meanwhile", async () => {
    await moving();
    client.emit("sourceChanged", { itemCount: 513 });
    client.status = { ...client.status, run: snapshot("completed") };
    await client.end({ receipt: receipt(), run: snapshot("completed") });
    await vi.advanceTimersByTimeAsync(1000);
    expect(title()).toBe("Your data is on the server");
    expect(text()).toContain("Stored510");
    expect(button("Move what changed")).toBeDefined();
  });
});

describe("what is kept of it", () => {
  it("is a report of the run, as a file", async () => {
    const files: [string, string][] = [];
    const blobs: Blob[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => "blob:" + blobs.push(blob as Blob));
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      files.push([this.download, this.href]);
    });
    completed();
    await mounted();
    await press("Save report");
    await press("Save receipt");
    expect(files).toEqual([
      ["report-3f9a2c1b.html", "blob:1"],
      ["receipt-3f9a2c1b.jws", "blob:2"],
    ]);
    expect(await blobs[0]!.text()).toBe(`<h1>Report of ${snapshot("completed").id}</h1>`);
    expect(blobs[0]!.type).toBe("text/html");
  });

  it("is missed in words where the server does not give it", async () => {
    completed();
    client.refuse.generateMigrationReport = "network";
    await mounted();
    await press("Save report");
    expect(root().querySelector("[role=alert]")?.textContent).toBe("The server cannot be reached just now.");
  });
});

describe("undoing", () => {
  it("previews first, undoes, and brings back", async () => {
    completed();
    await mounted();
    await press("Undo…");
    expect(text()).toContain("508 items leave the server");
    expect(text()).toContain("2 go back to what they were before");
    expect(text()).toContain("3 were changed since and stay");
    expect(client.asked).not.toContain("rollbackMigration");
    await press("Undo the move");
    expect(title()).toBe("The move was undone");
    await press("Bring it back");
    expect(client.asked.slice(-1)).toEqual(["undoRollback"]);
    expect(title()).toBe("Your data is on the server");
  });

  it("can be thought better of", async () => {
    completed();
    await mounted();
    await press("Undo…");
    await press("Keep it");
    expect(title()).toBe("Your data is on the server");
    expect(client.asked).not.toContain("rollbackMigration");
  });

  it("says why it cannot be done", async () => {
    completed();
    client.preview = {
      ...client.preview,
      can_rollback: false,
      reasons: [{ code: "stage_complete", detail: "The server alone holds the data now." }],
    };
    await mounted();
    await press("Undo…");
    expect(text()).toContain("The server alone holds the data now.");
    expect(button("Undo the move")).toBeUndefined();
  });

  it("stays where it was when the server refuses", async () => {
    completed();
    client.refuse.rollbackMigration = "rollback_failed";
    await mounted();
    await press("Undo…");
    await press("Undo the move");
    expect(title()).toBe("Undo this move?");
    expect(root().querySelector("[role=alert]")?.textContent).toBe("Undoing did not work.");
  });
});

describe("as a guest in the page", () => {
  it("keeps the focus inside when a pressed button goes away", async () => {
    await mounted();
    button("Move")!.focus();
    await press("Move");
    expect(root().activeElement).not.toBeNull();
  });

  it("turns its words around at once when they are translated", async () => {
    await mounted();
    element.texts = { move: { one: "{count} Eintrag umziehen", other: "{count} Einträge umziehen" } };
    expect(button("512 Einträge umziehen")).toBeDefined();
  });

  it("does not redraw an offer with every write of the page", async () => {
    await mounted();
    client.emit("sourceChanged", { itemCount: 513 });
    await vi.advanceTimersByTimeAsync(600);
    const before = button("Move");
    for (let n = 0; n < 8; n += 1) {
      client.emit("sourceChanged", { itemCount: 514 + n });
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(button("Move")).toBe(before);
    await vi.advanceTimersByTimeAsync(5000);
    expect(button("Move")).not.toBe(before);
  });

  it("makes no markup of what the page stored", async () => {
    client.plan = { ...client.plan, withheld: [{ key: "<img src=x onerror=alert(1)>", rule: "jwt", why: "sign-in" }] };
    await mounted();
    expect(root().querySelector("img")).toBeNull();
    expect(text()).toContain("<img");
  });

  it("lets go of the client when it is taken away", async () => {
    await mounted();
    expect(client.listeners()).toBeGreaterThan(0);
    element.remove();
    expect(client.listeners()).toBe(0);
  });

  it("takes a client that was set before the element was known", async () => {
    element = document.createElement("div") as unknown as MigrationProgressElement;
    const bare = document.createElement(TAG) as MigrationProgressElement;
    Object.defineProperty(bare, "client", { value: client, configurable: true, writable: true, enumerable: true });
    document.body.append(bare);
    await settled();
    expect(bare.shadowRoot!.querySelector("h2")?.textContent).toContain("512 items");
    bare.remove();
  });

  it("never throws into the page, whatever the client does", async () => {
    vi.mocked(console.warn).mockImplementation(() => {});
    const broken = { ...client, on: () => () => {}, initialize: () => Promise.reject(new Error("broken")) };
    element = document.createElement(TAG) as MigrationProgressElement;
    expect(() => (element.client = broken as never)).not.toThrow();
    expect(() => document.body.append(element)).not.toThrow();
    await settled();
    const worse = new Proxy({}, { get: () => { throw new Error("worse"); } });
    expect(() => (element.client = worse as never)).not.toThrow();
    expect(console.warn).toHaveBeenCalled();
    vi.mocked(console.warn).mockClear();
  });
});
