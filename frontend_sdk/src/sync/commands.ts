import type { AdoptionChoice } from "../types.js";
import type { Standing } from "./exchange.js";
import type { Outbox } from "./outbox.js";
import { recall } from "./restart.js";

/**
 * What the page says, in whichever tab: about missing keys, or whose the data is; or that a collection is on again. A
 * number: the server was heard to be at that revision.
 */
export type Command = "restore" | "delete" | "resume" | AdoptionChoice | number;

/** The first change of each collection that was passed over because the collection was off. */
export type Passed = Record<string, number>;
export const PASSED = "passed";

/** Goes back to what was passed over, where its collection is not off any more. */
const resume = async (standing: Standing): Promise<void> => {
  const { _host: host, _position: position } = standing;
  const isOff = (collection: string) => host._config()?.stages?.some((line) => line.collection === collection && line.stage === "off");
  const passed = Object.entries((await host._store._get<Passed>(PASSED)) ?? {});
  const back = passed.filter(([collection]) => !isOff(collection));
  if (!back.length) return;
  // First where to look again, then that it was passed over: a crash in between only looks once too often.
  position.cursor = Math.min(position.cursor, ...back.map(([, revision]) => revision - 1));
  standing._rumour(Infinity);
  await standing._keepPosition();
  await host._store._update<Passed>(PASSED, () => Object.fromEntries(passed.filter((one) => !back.includes(one))));
};

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
  if (typeof command === "number") standing._rumour(command);
  else if (command === "delete") confirm(outbox);
  else if (command === "resume") await resume(standing);
  else if (command !== "restore") standing._choice = command;
  // As if they had never been there, so that they come down again.
  else await recall(standing, outbox._missing().map((key) => [key, undefined]));
};
