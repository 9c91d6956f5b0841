// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { readAll } from "../src/area.js";
import { readBackup, writeAll } from "../src/backups.js";
import { watchArea } from "../src/watch.js";
import { AreaStorage } from "./support/storage.js";

// happy-dom itself cannot hold `__proto__`; the browsers' tests have it.
const RESERVED = [
  "constructor",
  "length",
  "getItem",
  "setItem",
  "key",
  "clear",
  "toString",
  "valueOf",
  "hasOwnProperty",
];

describe("reading the storage", () => {
  beforeEach(() => localStorage.clear());

  it("finds every key, whatever it is called", async () => {
    const items = new Map<string, string>([
      ["", "empty"],
      [" ", "space"],
      ["a", ""],
      ["\ud800", "x"],
    ]);
    RESERVED.forEach((name, i) => items.set(name, "v" + i));
    for (const [key, value] of items) Storage.prototype.setItem.call(localStorage, key, value);
    expect(new Map([...(await readAll(localStorage))].sort())).toEqual(new Map([...items].sort()));
  });

  it("looks by number only where something is hidden", async () => {
    localStorage.setItem("a", "1");
    const byNumber = vi.spyOn(Storage.prototype, "key");
    await readAll(localStorage);
    expect(byNumber).not.toHaveBeenCalled();
    vi.spyOn(Object, "keys").mockReturnValueOnce([]);
    expect([...(await readAll(localStorage))]).toEqual([["a", "1"]]);
    expect(byNumber).toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it("does not mind methods the page replaced on the object", async () => {
    localStorage.setItem("a", "1");
    const broken = Object.assign(Object.create(null), { getItem: () => "lie" });
    expect(broken.getItem()).toBe("lie");
    expect((await readAll(localStorage)).get("a")).toBe("1");
  });
});

describe("writing a backup", () => {
  it("writes everything, or leaves everything as it was", () => {
    const area = new AreaStorage(
      [
        ["a", "old"],
        ["b", "stays"],
        ["filler", "x".repeat(60)],
      ],
      100,
    );
    expect(() =>
      writeAll(area, [
        ["a", "new"],
        ["c", "y".repeat(10)],
        ["d", "z".repeat(90)],
      ]),
    ).toThrow();
    expect(area.entries().sort()).toEqual([
      ["a", "old"],
      ["b", "stays"],
      ["filler", "x".repeat(60)],
    ]);
    writeAll(area, [
      ["a", "new"],
      ["c", "1"],
    ]);
    expect(Object.fromEntries(area.entries())).toMatchObject({ a: "new", b: "stays", c: "1" });
  });

  it("refuses lines whose digest is another", async () => {
    const bytes = new TextEncoder().encode('["a","1"]\n') as Uint8Array<ArrayBuffer>;
    await expect(readBackup(bytes, "wrong")).rejects.toMatchObject({ code: "backup_unreadable" });
  });
});

describe("watching", () => {
  it("tells of the page's own writes and of nothing else", async () => {
    const area = new AreaStorage([["a", "1"]]);
    const changed = vi.fn();
    const stop = watchArea(area, 20, changed);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(changed).not.toHaveBeenCalled();
    area.setItem("a", "2");
    await vi.waitFor(() => expect(changed).toHaveBeenCalledWith(1), { timeout: 10_000 });
    area.removeItem("a");
    await vi.waitFor(() => expect(changed).toHaveBeenCalledWith(0), { timeout: 10_000 });
    stop();
  });

  it("looks at once when another tab wrote", async () => {
    const area = new AreaStorage();
    const changed = vi.fn();
    const stop = watchArea(area, 60_000, changed);
    await new Promise((resolve) => setTimeout(resolve, 50));
    area.setItem("b", "1");
    window.dispatchEvent(new Event("storage"));
    await vi.waitFor(() => expect(changed).toHaveBeenCalledWith(1), { timeout: 10_000 });
    stop();
  });
});
