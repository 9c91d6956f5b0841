import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MigrationClient } from "../src/types.js";
import { newProfile, sorted, type Profile } from "./support/client.js";
import type { Policy } from "./support/records.js";
import { soon, useWriters } from "./support/writing.js";

/** Devices that write, lose the line, are closed and opened again as chance has it; in the end all hold the same. */

const { world, installed, records } = useWriters();

interface Device {
  profile: Profile;
  page?: MigrationClient;
}

const DEVICES = 3;
const device = fc.nat(DEVICES - 1);
const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write"), device, key, value: fc.string({ maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove"), device, key, value: fc.constant("") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("close", "open"), device, key, value: fc.constant("") }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait"), device, key, value: fc.constant("") }) },
);
const fault = fc.constantFrom(undefined, undefined, undefined, "cut" as const, "late" as const, { status: 503 });

const run = async (policy: Policy, steps: { kind: string; device: number; key: string; value: string }[], faults: any[]) => {
  world.server.written.clear();
  records().policy = policy;
  let asked = 0;
  world.server.intercept = ({ path }) => (path.startsWith("/records") ? faults[asked++ % faults.length] : undefined);
  const devices: Device[] = Array.from({ length: DEVICES }, () => ({
    // Keys that stay, so that what is removed is never most of it.
    profile: newProfile(Array.from({ length: 8 }, (_, n) => ["stays:" + n, "1"])),
  }));
  for (const { kind, device, key, value } of steps) {
    const one = devices[device]!;
    if (kind === "write") one.profile.area.setItem(key, value);
    else if (kind === "remove") one.profile.area.removeItem(key);
    else if (kind === "open") one.page ??= await installed(one.profile, { syncInterval: 10, retryDelay: 10 });
    else if (kind === "close") {
      one.page?.destroy();
      one.page = undefined;
    } else await new Promise((resolve) => setTimeout(resolve, 15));
  }
  world.server.intercept = () => undefined;
  for (const one of devices) one.page ??= await installed(one.profile, { syncInterval: 10, retryDelay: 10 });
  await soon(() => {
    for (const { profile, page } of devices) {
      expect(sorted(profile.area.entries())).toEqual(sorted(records().held()));
      expect(page!.pending).toMatchObject({ count: 0, missing: 0 });
    }
  });
  for (const { page } of devices) page!.destroy();
};

describe("devices that write as chance has it", () => {
  it.each(["AUTO_OVERWRITE", "AUTO_SKIP", "AUTO_MERGE"] as const)("end with the same everywhere: %s", async (policy) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 30 }),
        fc.array(fault, { minLength: 1, maxLength: 7 }).filter((faults) => faults.includes(undefined)),
        (steps, faults) => run(policy, steps, faults),
      ),
      { numRuns: 15, endOnFailure: true },
    );
  }, 90_000);
});
