import { afterEach, expect } from "vitest";
import { Profile } from "../simulator/browser/profile.js";
import { loadSdk } from "../simulator/browser/sdk.js";
import type { Tab } from "../simulator/browser/tab.js";
import { World } from "../simulator/world.js";

/**
 * The simulator's browsers, server, network and clock, played by hand: for faults that are told step by step instead of
 * drawn from a seed. Everything is calm unless a test says otherwise.
 */

/** Sizes of a fault's long form are taken where the environment says so. */
export const size = (short: number, long: number): number => (process.env.LONG_FAULTS ? long : short);

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

const LONGEST_REST_MS = 600_000;

export interface Played {
  world: World;
  /** A profile of its own, signed in as `person`, with a page open. */
  browser(items?: Iterable<[string, string]>, person?: string): { profile: Profile; tab: Tab };
}

/** What keeps browsers from rest: undefined where both sides hold the same and nothing waits. */
export const unrest = ({ server, profiles }: World): string | undefined => {
  for (const { tabs, area, owner, number } of profiles) {
    const held = server.recordsOf(owner).held();
    const keys = [...new Set([...held.keys(), ...area.items.keys()])];
    const differing = keys.filter((key) => held.get(key) !== area.items.get(key));
    if (differing.length) return `profile ${number}: ${differing.slice(0, 3)} differ`;
    for (const { client } of tabs)
      if (client.pending.count || client.pending.paused) return `profile ${number}: ${JSON.stringify(client.pending)}`;
  }
  return undefined;
};

/** Lets time pass until both sides are equal; yields how long that took, in ms. */
export const rest = async (world: World, longest = LONGEST_REST_MS): Promise<number> => {
  const began = world.clock.now;
  do await world.clock.pass(1000);
  while (unrest(world) && world.clock.now - began < longest);
  expect(unrest(world)).toBeUndefined();
  return world.clock.now - began;
};

export const usePlayed = () => {
  let worlds: World[] = [];
  afterEach(() => {
    for (const { profiles } of worlds) for (const { tabs } of profiles) for (const tab of [...tabs]) tab.kill();
    worlds = [];
  });

  return async (seed = 1): Promise<Played> => {
    const world = new World(seed, await loadSdk(), {});
    world.profiles.length = 0;
    world.server.policy = "AUTO_MERGE";
    worlds.push(world);
    return {
      world,
      browser(items = [], person = "anna") {
        const profile = new Profile(world, world.profiles.length);
        profile.person = person;
        for (const [key, value] of items) profile.area.set(key, value);
        world.profiles.push(profile);
        return { profile, tab: profile.open() };
      },
    };
  };
};

/** The page of some tab writes, or with null removes; without a tab it is a page on which the SDK is not loaded. */
export const write = (profile: Profile, key: string, value: string | null): void => {
  const [tab] = profile.tabs;
  const storage = tab?.storage ?? profile.area.view({});
  if (value === null) storage.removeItem(key);
  else storage.setItem(key, value);
  profile.world.history.writes(profile, key, value ?? undefined);
};

/** The page's console heard nothing, and nothing acknowledged went missing on the way. */
export const isQuiet = ({ profiles, history }: World): void => {
  expect(history.wrongs).toEqual([]);
  for (const { tabs } of profiles) for (const { complaints } of tabs) expect(complaints).toEqual([]);
};
