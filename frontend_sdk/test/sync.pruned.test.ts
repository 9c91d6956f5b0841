import { describe, expect, it } from "vitest";
import { manyPairs, newProfile, sorted, type Profile } from "./support/client.js";
import { soon, useWriters } from "./support/writing.js";

const { world, settled, records } = useWriters();

/** A device is away while others delete and change; the server forgets the deletions before it is back. */
const away = async (meanwhile: (profile: Profile) => void): Promise<Profile> => {
  const profile = newProfile(manyPairs(10));
  (await settled(profile)).destroy();
  meanwhile(profile);
  world.server.horizon = records().revision + 1;
  records().prune(records().revision);
  records().write("after", "1");
  await settled(profile);
  await soon(() => expect(sorted(records().held())).toEqual(sorted(profile.area.entries())));
  expect(profile.area.getItem("after")).toBe("1");
  return profile;
};

describe("deletions the server does not remember any more", () => {
  it("are learnt from what is not there: the key goes here too, and does not come back there", async () => {
    const profile = await away(() => {
      records().write("item:0");
      records().write("item:1", "changed there");
    });
    expect(profile.area.getItem("item:0")).toBeNull();
    expect(records().value("item:0")).toBeUndefined();
    expect(profile.area.getItem("item:1")).toBe("changed there");
    expect(profile.area.length).toBe(10);
  });

  it("give way to what was written here since", async () => {
    const profile = await away((own) => {
      records().write("item:0");
      own.area.setItem("item:0", "edited on the way");
      own.area.setItem("item:2", "edited too");
    });
    expect(profile.area.getItem("item:0")).toBe("edited on the way");
    expect(records().value("item:0")).toBe("edited on the way");
    expect(records().value("item:2")).toBe("edited too");
  });

  it("give way to what the page writes while both sides are compared", async () => {
    let once = true;
    const profile = await away((own) => {
      records().write("item:0");
      world.server.intercept = ({ path }) => {
        if (once && path.startsWith("/records/digests")) own.area.setItem("item:0", "just now");
        once &&= !path.startsWith("/records/digests");
        return undefined;
      };
    });
    expect(once).toBe(false);
    expect(profile.area.getItem("item:0")).toBe("just now");
    expect(records().value("item:0")).toBe("just now");
  });

  it("do not undo one that was made here meanwhile", async () => {
    const profile = await away((own) => {
      records().write("item:0");
      own.area.removeItem("item:3");
    });
    expect(profile.area.getItem("item:3")).toBeNull();
    expect(records().value("item:3")).toBeUndefined();
  });

  it("are not believed where the server lacks most of what it had: that is sent again", async () => {
    const profile = await away(() => {
      for (let n = 0; n < 9; n++) records().write("item:" + n);
    });
    expect(profile.area.length).toBe(11);
    expect(records().held().length).toBe(11);
  });
});
