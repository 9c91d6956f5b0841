import type { Action } from "./index.js";

/** What becomes of the server, and what its operators do. */
export const server: Record<string, Action> = {
  down: { likely: 3, act: ({ server }) => server.crash() },
  up: { likely: 6, act: ({ server }) => (server.down = false) },
  /** Dual write is stepped back; whoever does not know it yet is refused. */
  off: { likely: 1, act: ({ server }) => {
    server.stage = "off";
    server.epoch++;
  } },
  on: { likely: 4, act: ({ server }) => {
    if (server.stage === "off") server.epoch++;
    server.stage = "dual_write";
  } },
  raiseEpoch: { likely: 2, act: ({ server }) => server.epoch++ },
  dump: { likely: 1, act: (world) => (world.dump = world.server.dump()) },
  /** What was acknowledged since the dump is only where a browser still has it. */
  restore: { likely: 0.5, act: (world) => {
    if (!world.dump) return;
    world.server.restore(world.dump);
    world.history.acknowledged = [];
    for (const [profile, written] of world.history.written)
      for (const [key, value] of written) if (profile.area.items.get(key) !== value) written.delete(key);
  } },
};
