import type { Profile } from "../browser/profile.js";
import type { Tab } from "../browser/tab.js";
import type { World } from "../world.js";
import type { Action } from "./index.js";

/** What pages do with their storage. */

export const KEYS = ["a", "b", "c", "d", "o1", "o2", "__proto__", "refused"];

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

/** Looks at what every open page is shown. */
export const look = (world: World): void => {
  for (const { tabs } of world.profiles) for (const tab of tabs) for (const key of KEYS) world.history.witness.looks(tab, key);
};

export const askFor = (world: World, tab: Tab, key: string): Promise<void> => {
  const shown = world.history.witness.asks(tab, key);
  return tab.client.get(key).then((answer) => {
    if (answer.ok) shown(answer.value ?? undefined, answer);
  });
};

export const askForAll = (world: World, tab: Tab): Promise<void> => {
  const shown = KEYS.map((key) => [key, world.history.witness.asks(tab, key)] as const);
  return tab.client.getAll().then((answer) => {
    const entries = new Map(answer.ok ? answer.entries : []);
    if (answer.ok) for (const [key, show] of shown) show(entries.get(key), answer);
  });
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
    likely: 6,
    act(world, dice) {
      const [tab] = dice.pick(world.profiles).tabs;
      void tab?.client.startMigration();
    },
  },
  read: { likely: 8, act: (world, dice) => {
    const [tab] = dice.pick(world.profiles).tabs;
    if (tab) askFor(world, tab, dice.pick(KEYS));
  } },
  readAll: { likely: 2, act: (world, dice) => {
    const [tab] = dice.pick(world.profiles).tabs;
    if (tab) askForAll(world, tab);
  } },
  /** What a run has brought goes back, or all that came after some point; and what went back comes again. */
  rollBack: { likely: 0.6, act: (world, dice) => {
    const [tab] = dice.pick(world.profiles).tabs;
    void tab?.client.rollbackMigration();
  } },
  rollBackToPoint: { likely: 0.4, act: (world, dice) => {
    const [tab] = dice.pick(world.profiles).tabs;
    void tab?.client.listRollbackPoints().then((listed) => {
      const points = (listed.ok && listed.points) || [];
      if (points.length && tab.alive) void tab.client.rollbackMigration(dice.pick(points).id);
    });
  } },
  undo: { likely: 1, act: (world, dice) => {
    const [tab] = dice.pick(world.profiles).tabs;
    void tab?.client.undoRollback();
  } },
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
