import type { Action } from "./index.js";

/** Who sits before the browsers. */
export const people: Record<string, Action> = {
  signOut: { likely: 2, act: (world, dice) => dice.pick(world.profiles).signIn(null) },
  signIn: { likely: 4, act: (world, dice) => dice.pick(world.profiles).signIn("anna") },
  /** Somebody else on the same device. */
  signInOther: { likely: 2, act: (world) => world.profiles[0]!.signIn("bert") },
  expireTokens: { likely: 3, act: ({ server }) => server.generation++ },
};
