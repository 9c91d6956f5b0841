import { CALM } from "./network.js";
import type { Profile } from "./browser/profile.js";
import type { World } from "./world.js";

/** Ends every fault, and gives everybody time to come to rest. */

const PATIENCE_MS = 1_800_000;
const LOOK_MS = 5000;

/** What keeps a profile from rest; undefined if nothing does. */
const unrest = (world: World, profile: Profile): string | undefined => {
  const records = world.server.recordsOf(profile.owner);
  const held = records.held();
  // A listed conflict may stand between the two.
  const shown = new Set(["refused"]);
  for (const tab of profile.tabs) {
    const { count, missing, paused, refused } = tab.client.pending;
    if (count || missing || paused) return `${count} waiting, ${missing} missing, paused: ${paused}`;
    for (const { key } of refused) shown.add(key);
    const unlisted = refused.filter(({ key }) => key !== "refused" && !records.conflicts.some((one) => one.key === key));
    if (unlisted.length) return `held: ${unlisted.map(({ key }) => key)}`;
  }
  const keys = new Set([...held.keys(), ...profile.area.items.keys()]);
  for (const key of shown) keys.delete(key);
  const differing = [...keys].filter((key) => held.get(key) !== profile.area.items.get(key));
  const told = differing.map((key) => `${key}: ${profile.area.items.get(key)} here, ${held.get(key)} there`);
  return told.length ? told.join("; ") : undefined;
};

const mend = (world: World): void => {
  world.network.weather = CALM;
  Object.assign(world.server, { down: false });
  if (world.server.stage === "off") Object.assign(world.server, { stage: "dual_write", epoch: world.server.epoch + 1 });
  for (const profile of world.profiles) {
    Object.assign(profile.database, { failing: 0, blocked: false });
    profile.online = true;
    // Whose the data is comes back; a browser that knows says so.
    profile.signIn((profile.database.words.get("claim") as string | undefined) ?? profile.seal ?? "anna");
    for (const tab of profile.tabs) {
      tab.hide(false);
      tab.fire("online");
    }
  }
};

/** What somebody has to decide is decided. */
const decide = (world: World): void => {
  for (const [owner, records] of world.server.owners)
    for (const { id } of records.open()) {
      records.resolve(id, world.dice.pick(["local", "remote"]));
      world.server.told(owner, records.revision);
    }
  for (const { tabs } of world.profiles)
    for (const { client } of tabs) if (client.pending.missing) void client.resolveAbsence("restore");
  // A page that was about to close may be gone only now.
  for (const profile of world.profiles) if (!profile.tabs.size) profile.open();
  // Whose the data is signs in again.
  for (const profile of world.profiles)
    if ([...profile.tabs].some(({ client }) => client.pending.paused === "claimed_by_other"))
      profile.signIn(profile.person === "anna" ? "bert" : "anna");
};

/** Yields what is still not at rest when patience ends. */
export const heal = async (world: World): Promise<string[]> => {
  mend(world);
  const begun = world.clock.now;
  let found: string[] = [];
  for (let calm = 0; calm < 2 && world.clock.now - begun < PATIENCE_MS; ) {
    decide(world);
    await world.clock.pass(LOOK_MS);
    found = world.profiles.flatMap((profile) => unrest(world, profile)?.replace(/^/, `profile ${profile.number}: `) ?? []);
    calm = found.length ? 0 : calm + 1;
  }
  return found.map((one) => `not at rest: ${one}`);
};
