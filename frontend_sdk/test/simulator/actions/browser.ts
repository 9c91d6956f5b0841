import type { Profile } from "../browser/profile.js";
import type { World } from "../world.js";
import type { Action } from "./index.js";

/** A browser that forgets cannot know whose its data is: accounts change in the first profile alone. */
const forgetful = ({ profiles: [, ...others] }: World, dice: World["dice"]): Profile => dice.pick(others);

/** What becomes of tabs, browsers and their storage. */
export const browser: Record<string, Action> = {
  open: { likely: 14, act: (world, dice) => {
    const profile = dice.pick(world.profiles);
    if (profile.tabs.size < 2) profile.open();
  } },
  close: { likely: 4, act: (world, dice) => {
    const profile = dice.pick(world.profiles);
    const [tab] = profile.tabs;
    tab?.fire("pagehide");
    profile.closed = world.clock.now;
    if (tab) world.clock.after(dice.below(20), () => tab.kill());
  } },
  kill: { likely: 6, act: (world, dice) => {
    const tabs = [...dice.pick(world.profiles).tabs];
    if (tabs.length) dice.pick(tabs).kill();
  } },
  crash: { likely: 4, act: (world, dice) => {
    const profile = dice.pick(world.profiles);
    if (!profile.tabs.size) return;
    // What was torn is told by times. A crash within a minute of the clock's being set is a documented limit, and so is
    // one within seconds of a page's having ended in peace.
    if (world.clock.now - profile.clockSet < 60_000 || world.clock.now - profile.closed < 5000) return;
    for (const tab of [...profile.tabs]) tab.kill();
    world.history.loses(profile, profile.area.crash(dice.below(5000)));
    if (dice.chance(0.7)) profile.open();
  } },
  hide: { likely: 3, act: (world, dice) => {
    const [tab] = dice.pick(world.profiles).tabs;
    tab?.hide(dice.chance(0.5));
  } },
  /** Browsers evict whole origins, of which no page is open. */
  evict: { likely: 1, act: (world, dice) => {
    const profile = dice.pick(world.profiles);
    if (profile.tabs.size) return;
    world.history.evicts(profile);
    profile.area.evict();
    profile.database.wipe();
    profile.seal = undefined;
  } },
  loseDatabase: { likely: 1, act: (world, dice) => {
    const profile = forgetful(world, dice);
    if (!profile.tabs.size) profile.database.wipe();
  } },
  blockDatabase: { likely: 1, act: (world, dice) => {
    const { database } = forgetful(world, dice);
    database.blocked = !database.blocked;
  } },
  jumpClock: { likely: 2, act: (world, dice) => {
    const profile = dice.pick(world.profiles);
    profile.skew += (dice() - 0.5) * dice.pick([60_000, 86_400_000, 315_360_000_000]);
    profile.clockSet = world.clock.now;
  } },
};
