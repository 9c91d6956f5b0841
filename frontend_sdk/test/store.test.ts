import { IDBFactory } from "fake-indexeddb";
import { describe, expect, it } from "vitest";
import { openStore } from "../src/store.js";

const raise = (n: number | undefined) => (n ?? 0) + 1;

describe("the store", () => {
  it("remembers across visits", async () => {
    const factory = new IDBFactory();
    await (await openStore(factory, "a"))._update("n", raise);
    const again = await openStore(factory, "a");
    expect(await again._get("n")).toBe(1);
    expect(again._durable()).toBe(true);
    expect(await (await openStore(factory, "b"))._get("n")).toBeUndefined();
  });

  it("never gives the same number twice", async () => {
    const factory = new IDBFactory();
    const tabs = await Promise.all([1, 2, 3].map(() => openStore(factory, "a")));
    const numbers = await Promise.all(Array.from({ length: 60 }, (_, i) => tabs[i % 3]!._update("n", raise)));
    expect(new Set(numbers).size).toBe(60);
  });

  it("forgets a word at once, and everything else that was said before keeps its turn", async () => {
    const factory = new IDBFactory();
    const store = await openStore(factory, "a");
    const raised = store._update("n", raise);
    store._forget("n");
    expect(await raised).toBe(1);
    expect(await (await openStore(factory, "a"))._get("n")).toBeUndefined();
  });

  it.each([
    ["absent", null],
    [
      "blocked",
      {
        open: () => {
          throw new DOMException("no", "SecurityError");
        },
      },
    ],
    [
      "failing",
      {
        open: () => {
          const request: any = {};
          setTimeout(() => request.onerror());
          return request;
        },
      },
    ],
  ])("keeps words in memory where IndexedDB is %s", async (_, factory) => {
    const store = await openStore(factory as IDBFactory | null, "a");
    expect(await store._update("n", raise)).toBe(1);
    expect(await store._update("n", raise)).toBe(2);
    store._forget("m");
    expect(await store._get("n")).toBe(2);
    expect(store._durable()).toBe(false);
  });
});
