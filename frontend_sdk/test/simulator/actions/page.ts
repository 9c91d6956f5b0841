import type { Profile } from "../browser/profile.js";
import type { World } from "../world.js";
import type { Action } from "./index.js";

/** What pages do with their storage. */

const KEYS = ["a", "b", "c", "d", "o1", "o2", "__proto__", "refused"];

/** The page of some tab, or a page on which the SDK is not loaded. */
const storageOf = (profile: Profile, dice: World["dice"]): Storage => {
  const tabs = [...profile.tabs];
  return tabs.length ? dice.pick(tabs).storage : profile.area.view({});
};

const write = (world: World, dice: World["dice"], value?: string): void => {
  const profile = dice.pick(world.profiles);
  const key = dice.pick(KEYS);
  const said = value ?? world.newValue(profile, key.startsWith("o"));
  storageOf(profile, dice).setItem(key, said);
  world.history.writes(profile, key, said);
};

export const page: Record<string, Action> = {
  write: { likely: 40, act: (world, dice) => write(world, dice) },
  writeTheSame: { likely: 4, act: (world, dice) => write(world, dice, dice.pick(["1", "2"])) },
  remove: {
    likely: 7,
    act(world, dice) {
      const profile = dice.pick(world.profiles);
      const key = dice.pick(KEYS);
      storageOf(profile, dice).removeItem(key);
      world.history.writes(profile, key, undefined);
    },
  },
  /** Usually a logout, and no wish to delete. */
  clear: {
    likely: 1,
    act(world, dice) {
      const profile = dice.pick(world.profiles);
      storageOf(profile, dice).clear();
      for (const key of KEYS) world.history.writes(profile, key, undefined);
    },
  },
  move: {
    likely: 3,
    act(world, dice) {
      const [tab] = dice.pick(world.profiles).tabs;
      void tab?.client.startMigration();
    },
  },
  decide: {
    likely: 3,
    act(world, dice) {
      const [tab] = dice.pick(world.profiles).tabs;
      void tab?.client.listConflicts().then((listed) => {
        const [conflict] = (listed.ok && listed.conflicts) || [];
        if (conflict && tab.alive) void tab.client.resolveConflict(conflict, dice.pick(["local", "remote"] as const));
      });
    },
  },
};
