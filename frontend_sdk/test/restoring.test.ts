import { describe, expect, it } from "vitest";
import { manyPairs, newProfile, sorted, useServer } from "./support/client.js";
import { AreaStorage } from "./support/storage.js";

const world = useServer();

const unitsOf = (pairs: [string, string][]) => pairs.reduce((sum, [key, value]) => sum + key.length + value.length, 0);

describe("a browser that is brought back", () => {
  it("has all of the backup or is left as it was, whatever room and remains it has", async () => {
    const kept = manyPairs(40, 100);
    const client = world.open(newProfile(kept));
    await client.createBackup();
    const id = [...world.server.runs.keys()][0]!;
    const whole = unitsOf(kept);
    const [[first], [second]] = kept as [[string, string], [string, string]];
    const remains: [string, string][][] = [
      [],
      [["mine", "x".repeat(50)]],
      [[first, "changed since"], ["mine", "x"]],
      [[first, "y".repeat(500)], [second, ""], ["\ud800", "odd"]],
    ];
    let [restored, refused] = [0, 0];
    for (const left of remains) {
      // What is overwritten makes room; all around the size that just fits.
      const others = left.filter(([key]) => !kept.some(([name]) => name === key));
      const fits = whole + unitsOf(others);
      for (const room of [0, fits >> 1, fits - 1, fits, fits + 1000]) {
        const area = new AreaStorage(left, Math.max(room, unitsOf(left)));
        const before = area.entries();
        const told = await world.open({ ...newProfile(), area }).restoreBackup(id);
        if (told.ok) {
          expect(sorted(area.entries())).toEqual(sorted([...kept, ...others]));
          restored++;
        } else {
          expect(told.code).toBe("quota_exceeded");
          expect(sorted(area.entries())).toEqual(sorted(before));
          refused++;
        }
        expect(told.ok).toBe(Math.max(room, unitsOf(left)) >= fits);
      }
    }
    expect([restored, refused]).toEqual([8, 12]);
  });
});
