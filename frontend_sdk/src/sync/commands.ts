import type { AdoptionChoice } from "../types.js";
import { ABSENT } from "./acks.js";
import type { Standing } from "./exchange.js";
import { recall } from "./restart.js";

/** What the page says, in whichever tab: about missing keys, or whose the data is. */
export type Command = "restore" | "delete" | AdoptionChoice;

export const obey = async (standing: Standing, command: Command): Promise<void> => {
  const { _outbox: outbox } = standing;
  if (command === "delete") outbox._confirm();
  else if (command !== "restore") standing._choice = command;
  // As if they had never been there, so that they come down again.
  else await recall(standing, outbox._missing().map((key) => [key, [ABSENT, [], 0, 0]]));
};
