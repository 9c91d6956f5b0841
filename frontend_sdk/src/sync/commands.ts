import type { AdoptionChoice } from "../types.js";
import { ABSENT } from "./acks.js";
import type { Standing } from "./exchange.js";
import type { Outbox } from "./outbox.js";
import { recall } from "./restart.js";

/** What the page says, in whichever tab: about missing keys, or whose the data is. */
export type Command = "restore" | "delete" | AdoptionChoice;

/** All that is missing now, or was refused for being so much, is meant to be deleted. */
const confirm = ({ _held, _meant, _missing, _doubt }: Outbox): void => {
  for (const key of _missing()) _meant.add(key);
  for (const [key, [, reason]] of _held) {
    if (reason !== "too_many_deletions") continue;
    _held.delete(key);
    _meant.add(key);
    _doubt(key);
  }
};

export const obey = async (standing: Standing, command: Command): Promise<void> => {
  const { _outbox: outbox } = standing;
  if (command === "delete") confirm(outbox);
  else if (command !== "restore") standing._choice = command;
  // As if they had never been there, so that they come down again.
  else await recall(standing, outbox._missing().map((key) => [key, [ABSENT, [], 0, 0]]));
};
