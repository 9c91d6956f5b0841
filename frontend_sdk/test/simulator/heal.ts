import { goTo } from "./actions/operator.js";
import { KEYS, look } from "./actions/page.js";
import { CALM } from "./network.js";
import type { Profile } from "./browser/profile.js";
import type { Tab } from "./browser/tab.js";
import { readsServer } from "./model/stages.js";
import type { World } from "./world.js";

/** Ends every fault, and gives everybody time to come to rest. */

const PATIENCE_MS = 1_800_000;
const LOOK_MS = 5000;

/** What keeps a profile from rest; undefined if nothing does. */
export const unrest = (world: World, profile: Profile): string | undefined => {
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
  const { cutover } = world.server;
  cutover.move("release_panic");
  for (const name of cutover.stages.own.keys()) if (cutover.stages.asked(name).stage === "off") goTo(world, "dual_write", name);
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
  for (const owner of world.server.owners.keys()) world.server.cutover.putOn(owner);
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

const askAtRest = async ({ server, history }: World, tab: Tab, key: string): Promise<void> => {
  const { number, area, owner } = tab.profile;
  const answer = await tab.client.get(key);
  if (!answer.ok || !tab.alive) return;
  const held = server.cutover.stages.held(/^o/.test(key) ? "objects" : "", server.cutover.of(owner, history.witness.deviceOf(tab)));
  const told = history.witness.toldServed(tab, key);
  const here = area.items.get(key) ?? null;
  const who = `profile ${number}, at rest in ${held.stage}: ${key}`;
  const knows = history.witness.knowsItself(tab);
  if (knows && answer.from === "server" && !readsServer(held.stage)) history.wrongs.push(`${who} was answered by the server`);
  if (answer.from === "browser" && !answer.reason && told && readsServer(held.stage)) history.wrongs.push(`${who} was answered by the browser`);
  if (answer.value !== here) history.wrongs.push(`${who} is ${here} here, and ${answer.value} was answered`);
};

/** At rest everybody is answered by the side the stage says, with what both sides hold. */
const askEverybody = async (world: World): Promise<void> => {
  for (const { tabs } of world.profiles) for (const tab of tabs) for (const key of KEYS) void askAtRest(world, tab, key);
  await world.clock.pass(LOOK_MS);
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
    look(world);
    calm = found.length ? 0 : calm + 1;
  }
  await askEverybody(world);
  return found.map((one) => `not at rest: ${one}`);
};
