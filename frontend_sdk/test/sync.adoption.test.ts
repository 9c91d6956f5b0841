import { describe, expect, it } from "vitest";
import { manyPairs, newProfile, sorted } from "./support/client.js";
import { soon, useWriters } from "./support/writing.js";

const { world, settled, records } = useWriters();
const signedIn = { token: () => `x.${btoa(JSON.stringify({ sub: "anna" }))}.x` };
const recognise = () => {
  world.server.validToken = (given) => (given.startsWith("guest-") ? given : "anna");
};
const note = '{"text":"Buy milk"}';

describe("a guest's data under an account that holds something", () => {
  it("goes over without what the account has under another key", async () => {
    recognise();
    records("anna").write("note:9", note);
    const profile = newProfile([["note:1", note], ["note:2", '{"text":"Other"}']]);
    (await settled(profile)).destroy();
    await settled(profile, { ...signedIn, guestAdoption: { existing: "merge" } });
    expect(sorted(records("anna").held())).toEqual([["note:2", '{"text":"Other"}'], ["note:9", note]]);
    expect(profile.area.getItem("note:1")).toBeNull();
  });

  it.each([
    ["where the app says nothing", undefined],
    ["where only new accounts are to be merged", { new: "merge" }],
  ] as const)("goes over whole %s", async (_, guestAdoption) => {
    recognise();
    records("anna").write("note:9", note);
    const profile = newProfile([["note:1", note]]);
    (await settled(profile)).destroy();
    await settled(profile, { ...signedIn, ...(guestAdoption && { guestAdoption }) });
    expect(sorted(records("anna").held())).toEqual([["note:1", note], ["note:9", note]]);
    expect(profile.area.getItem("note:1")).toBe(note);
  });

  it("is never sent where the page says so, until it is written again", async () => {
    recognise();
    const profile = newProfile([["a", "1"]]);
    (await settled(profile)).destroy();
    const client = await settled(profile, { ...signedIn, guestAdoption: "never" });
    expect(records("anna").held()).toEqual([]);
    profile.area.setItem("a", "2");
    await client.whenSynced();
    expect(records("anna").held()).toEqual([["a", "2"]]);
  });
});

describe("a removal not sent yet", () => {
  it("does not come back when the database was restored", async () => {
    const profile = newProfile(manyPairs(9));
    (await settled(profile)).destroy();
    records().timeline = "other";
    profile.area.removeItem("item:1");
    await settled(profile);
    await soon(() => expect(records().value("item:1")).toBeUndefined());
    expect(profile.area.getItem("item:1")).toBeNull();
  });
});
