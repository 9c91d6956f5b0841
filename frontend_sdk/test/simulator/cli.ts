import { play, simulate, STEPS, type Twist } from "./index.js";
import { record } from "./recording.js";
import { BUGS, type Bug, type BugName } from "./bugs.js";
import { HARDSHIPS, type HardshipName } from "./hardships.js";
import { flips, walk } from "./harness.js";
import { ROAD } from "./model/stages.js";
import { makeSchedule, shrink } from "./schedule.js";

/** Every so many seeds there is a walk over the stages, too. */
const WALKED = 10;
const FLIPS = 25;

/**
 * `SEED [BUG or HARDSHIP]` plays one seed and shows the fewest steps that fail; `--seeds FROM COUNT [HARDSHIP]` plays
 * many; `--record FROM COUNT` writes what is said to the server while they are played, a line of JSON each.
 */
const [first, second, third, fourth] = process.argv.slice(2);

const twistOf = (name = ""): Twist => {
  if (name in HARDSHIPS) return { hardship: name as HardshipName };
  return name in BUGS ? { bug: name as BugName } : {};
};

const one = async (seed: number, twist: Twist): Promise<number> => {
  const schedule = makeSchedule(seed, STEPS, twist.bug && (BUGS[twist.bug] as Bug).often);
  const wrongs = await play(seed, schedule, twist);
  console.log(wrongs.join("\n") || `seed ${seed}: nothing is wrong`);
  if (!wrongs.length) return 0;
  const left = await shrink(schedule, async (steps) => (await play(seed, steps, twist)).length > 0);
  console.log(`\nthe fewest steps that fail (${left.length}):`);
  console.log((await play(seed, left, { ...twist, said: console.log })).join("\n"));
  return 1;
};

/** A walk over two stages, and two dozen changes of mind. */
const walkAbout = async (seed: number): Promise<string> => {
  const pairs = ROAD.flatMap((from) => ROAD.filter((to) => to !== from).map((to) => [from, to] as const));
  const [from, to] = pairs[(seed / WALKED) % pairs.length]!;
  const wrongs = [...(await walk(seed, from, to)), ...(await flips(seed, FLIPS))];
  return wrongs.length ? [`seed ${seed}, from ${from} to ${to} and to and fro`, ...wrongs.slice(0, 5)].join("\n  ") : "";
};

const many = async (from: number, count: number, twist: Twist): Promise<number> => {
  let failed = 0;
  for (let seed = from; seed < from + count; seed++) {
    const found = (await simulate(seed, twist)) || (seed % WALKED ? "" : await walkAbout(seed));
    if (found) console.log(found);
    if (found) failed++;
    if ((seed - from) % 500 === 499) console.log(`${seed + 1 - from} of ${count} seeds, ${failed} failed`);
  }
  return failed;
};

const writeDown = async (from: number, count: number): Promise<number> => {
  for (let seed = from; seed < from + count; seed++) {
    const line = JSON.stringify(await record(seed, STEPS)) + "\n";
    await new Promise((resolve) => process.stdout.write(line, resolve));
  }
  return 0;
};

const commands: Record<string, typeof many> = { "--seeds": many, "--record": writeDown };
const failed = commands[first!] ? await commands[first!]!(Number(second), Number(third), twistOf(fourth)) : await one(Number(first), twistOf(second));
// Pages that were closed in the midst of something wait for ever.
process.exit(failed ? 1 : 0);
