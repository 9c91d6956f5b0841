import { goTo, SHARES } from "./actions/operator.js";
import { askFor, askForAll, KEYS, look } from "./actions/page.js";
import { BUGS, type Bug, type BugName } from "./bugs.js";
import { loadSdk } from "./browser/sdk.js";
import type { Tab } from "./browser/tab.js";
import { createDice, type Dice } from "./dice.js";
import { heal, unrest } from "./heal.js";
import { INVARIANTS } from "./invariants/index.js";
import { REST, WHOLE, type Move, type Stage } from "./model/stages.js";
import { CALM, ROUGH } from "./network.js";
import { World } from "./world.js";

/**
 * The way there and back: two devices with two tabs each belong to one owner, and all four go on writing and reading
 * while an operator walks over the stages. In the end nothing is lost, and nobody was shown anything older than before.
 */

const MOVING_MS = 8000;
const PATIENCE_MS = 120_000;
const TICK_MS = 90;

export class Harness {
  readonly dice: Dice;
  readonly wrongs: string[] = [];

  private constructor(
    readonly world: World,
    seed: number,
  ) {
    this.dice = createDice(seed ^ 0xf11b);
  }

  /** Opens the four tabs; their devices have their receipts. */
  static async begin(seed: number, bug?: BugName): Promise<Harness> {
    const { sabotage, gaps = {} }: Bug = bug ? BUGS[bug] : {};
    const world = new World(seed, await loadSdk(sabotage), gaps);
    goTo(world, "dual_write");
    for (const profile of world.profiles.slice(0, 2)) {
      void profile.open().client.startMigration();
      profile.open();
    }
    await world.clock.pass(MOVING_MS);
    return new Harness(world, seed);
  }

  get tabs(): Tab[] {
    return this.world.profiles.slice(0, 2).flatMap(({ tabs }) => [...tabs]);
  }

  /** All write and read for a while. */
  async work(ticks: number): Promise<void> {
    const { world, dice } = this;
    for (let tick = 0; tick < ticks; tick++) {
      for (const tab of this.tabs) if (dice.chance(0.4)) this.#write(tab);
      if (dice.chance(0.4)) void askFor(world, dice.pick(this.tabs), dice.pick(KEYS));
      if (dice.chance(0.05)) void askForAll(world, dice.pick(this.tabs));
      await world.clock.pass(dice.below(TICK_MS));
      look(world);
    }
  }

  /** Walks to a stage, with writes in flight all the way. */
  async walk(to: Stage): Promise<void> {
    await this.work(3);
    goTo(this.world, to);
    if (to === "ramp") this.world.server.cutover.move("set_percentage", REST, WHOLE);
    await this.work(6);
  }

  /** Both sides come to hold the same, and everybody is answered by the side the stage says. */
  async check(stage: Stage): Promise<void> {
    const { clock, server, profiles } = this.world;
    const asked = server.cutover.stages.asked(REST).stage;
    if (asked !== stage) this.wrongs.push(`it stands in ${asked}, not in ${stage}`);
    const begun = clock.now;
    let found: (string | undefined)[] = [];
    do {
      this.#decide();
      await clock.pass(1000);
      look(this.world);
      const open = server.recordsOf("anna").open().map(({ key }) => `${key} is undecided`);
      found = stage === "off" ? [] : [...open, ...profiles.slice(0, 2).map((profile) => unrest(this.world, profile))].filter(Boolean);
    } while (found.length && clock.now - begun < PATIENCE_MS);
    for (const one of found) this.wrongs.push(`not at rest in ${stage}: ${one}`);
    await Promise.all([this.#askAll(stage), clock.pass(5000)]);
  }

  /** One thing an operator may do at any hour. */
  flip(): void {
    const { dice } = this;
    const { cutover } = this.world.server;
    const move = dice.pick<Move>(["advance", "advance", "step_back", "set_percentage", "set_percentage", "panic", "release_panic"]);
    const { stage } = cutover.stages.asked(REST);
    // Where nothing travels nobody has much to lose, and from the end there is no way back.
    if (move === "step_back" && stage === "dual_write") return void cutover.move("advance");
    const takesShare = move === "set_percentage" || (move === "advance" && stage === "shadow");
    if (!cutover.move(move, REST, takesShare ? dice.pick(SHARES) : undefined)) goTo(this.world, "ramp");
  }

  /** Ends it all; yields what was wrong. */
  async end(): Promise<string[]> {
    const { world } = this;
    const restless = await heal(world);
    const wrongs = Object.values(INVARIANTS).flatMap((invariant) => [...invariant(world)]);
    for (const { tabs } of world.profiles) for (const tab of [...tabs]) tab.kill();
    return [...this.wrongs, ...world.history.wrongs, ...wrongs, ...restless];
  }

  #write(tab: Tab): void {
    const { dice, world } = this;
    const key = dice.pick(KEYS);
    const value = dice.chance(0.1) ? undefined : world.newValue(tab.profile, key.startsWith("o"));
    if (value === undefined) tab.storage.removeItem(key);
    else tab.storage.setItem(key, value);
    world.history.writes(tab.profile, key, value);
  }

  #decide(): void {
    const { server, dice } = this.world;
    for (const [owner, records] of server.owners)
      for (const { id } of records.open()) server.changing(owner, () => records.resolve(id, dice.pick(["local", "remote"])));
    for (const { client } of this.tabs) if (client.pending.missing) void client.resolveAbsence("delete");
  }

  async #askAll(stage: Stage): Promise<void> {
    const isServed = ["ramp", "server_primary", "complete"].includes(stage);
    for (const tab of this.tabs)
      for (const key of KEYS.filter((one) => one !== "refused")) {
        const answer = await tab.client.get(key);
        const here = tab.profile.area.items.get(key) ?? null;
        if (!answer.ok || answer.value !== here) this.wrongs.push(`in ${stage}, ${key} is ${here}, and ${JSON.stringify(answer)} was answered`);
        else if (isServed !== (answer.from === "server")) this.wrongs.push(`in ${stage}, ${key}: ${JSON.stringify(answer)}`);
      }
  }
}

/** Start, check, to the other stage, check, back again, check, and to the end, as far as that is legal. */
export const walk = async (seed: number, from: Stage, to: Stage, bug?: BugName): Promise<string[]> => {
  const harness = await Harness.begin(seed, bug);
  for (const stage of from === "complete" ? [from] : to === "complete" ? [from, to] : [from, to, from, "complete" as const]) {
    await harness.walk(stage);
    await harness.check(stage);
  }
  // There is no step back from the end.
  goTo(harness.world, from === "complete" ? to : from);
  await harness.check("complete");
  return harness.end();
};

/** So many changes of mind, under a network that is rough in every other seed. */
export const flips = async (seed: number, count: number, bug?: BugName): Promise<string[]> => {
  const harness = await Harness.begin(seed, bug);
  harness.world.network.weather = seed % 2 ? ROUGH : CALM;
  for (let flip = 0; flip < count; flip++) {
    harness.flip();
    await harness.work(1 + harness.dice.below(6));
  }
  return harness.end();
};
