import { describe, expect, it } from "vitest";
import type { AdoptionChoice, AdoptionPolicy } from "../src/writes.js";
import { newProfile, sorted } from "./support/client.js";
import { soon, useWriters } from "./support/writing.js";

const { world, installed, settled, records } = useWriters();
const signedIn = { token: () => `x.${btoa(JSON.stringify({ sub: "anna" }))}.x` };
const NOTE = '{"text":"Buy milk"}';
const GUESTS: [string, string][] = [["note:1", NOTE], ["note:2", '{"text":"Other"}']];
const HERS: [string, string] = ["note:9", NOTE];

/** A guest has written, and an account signs in that is new or holds something already. */
const signIn = async (kind: "new" | "existing", guests = GUESTS, hers = [HERS]) => {
  world.server.validToken = (given) => (given.startsWith("guest-") ? given : "anna");
  if (kind === "existing") for (const pair of hers) records("anna").write(...pair);
  const profile = newProfile(guests);
  (await settled(profile)).destroy();
  return profile;
};

/** What the account holds under each policy. */
const ENDS: [AdoptionPolicy, "new" | "existing", [string, string][]][] = [
  ["adopt", "new", GUESTS],
  ["adopt", "existing", [...GUESTS, HERS]],
  ["merge", "new", GUESTS],
  ["merge", "existing", [GUESTS[1]!, HERS]],
  ["never", "new", []],
  ["never", "existing", [HERS]],
];

describe("a guest's data", () => {
  it.each(ENDS)("under the policy %s goes to an account that is %s as it says", async (policy, kind, ends) => {
    const profile = await signIn(kind);
    await settled(profile, { ...signedIn, guestAdoption: policy });
    expect(sorted(records("anna").held())).toEqual(ends);
  });

  it.each(ENDS)("under a policy of its own for each kind (%s, %s) follows that one alone", async (policy, kind, ends) => {
    const profile = await signIn(kind);
    const other: AdoptionPolicy = policy === "never" ? "adopt" : "never";
    const guestAdoption = kind === "new" ? { new: policy, existing: other } : { new: other, existing: policy };
    await settled(profile, { ...signedIn, guestAdoption });
    expect(sorted(records("anna").held())).toEqual(ends);
  });

  it.each(ENDS)("where the page asks first waits, and then goes as somebody chose: %s, %s", async (choice, kind, ends) => {
    const profile = await signIn(kind);
    const client = await installed(profile, { ...signedIn, guestAdoption: "ask" });
    await soon(() => expect(client.pending.paused).toBe("claimed_by_other"));
    expect(records("anna").held().length).toBe(kind === "new" ? 0 : 1);
    expect(await client.takeOver(choice as AdoptionChoice)).toEqual({ ok: true });
    await soon(() => expect(sorted(records("anna").held())).toEqual(ends));
    await soon(() => expect(client.pending.paused).toBeNull());
  });
});

describe("duplicates", () => {
  const merged = async (guests: [string, string][], hers: [string, string][]) => {
    const profile = await signIn("existing", guests, hers);
    await settled(profile, { ...signedIn, guestAdoption: "merge" });
    return sorted(records("anna").held()).map(([key]) => key);
  };

  it("are dropped one for one: what the guest had twice and the account once is there once more", async () => {
    expect(await merged([["note:1", NOTE], ["note:2", NOTE]], [HERS])).toEqual(["note:2", "note:9"]);
  });

  it("are not seen in single words and numbers, which are alike by chance", async () => {
    expect(await merged([["note:1", "yes"], ["note:2", "1"]], [["note:8", "yes"], ["note:9", "1"]])).toEqual([
      "note:1", "note:2", "note:8", "note:9",
    ]);
  });

  it("are not seen between collections", async () => {
    expect(await merged([["todo:1", NOTE], ["todo:2", "{}"]], [HERS, ["note:8", "[]"]])).toEqual([
      "note:8", "note:9", "todo:1", "todo:2",
    ]);
  });
});
