import type { Action } from "./index.js";

/** What becomes of the server and its database. */
export const server: Record<string, Action> = {
  down: { likely: 3, act: ({ server }) => server.crash() },
  up: { likely: 6, act: ({ server }) => (server.down = false) },
  dump: { likely: 1, act: (world) => (world.dump = world.server.dump()) },
  /** What was acknowledged since the dump is only where a browser still has it. */
  restore: { likely: 0.5, act: (world) => {
    if (!world.dump) return;
    world.server.restore(world.dump);
    world.history.forgets();
    for (const [profile, written] of world.history.written)
      for (const [key, value] of written) if (profile.area.items.get(key) !== value) written.delete(key);
  } },
};
