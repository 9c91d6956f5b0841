import type { MigrationClientOptions } from "../../src/types.js";
import { goTo, SHARES } from "./actions/operator.js";
import { Profile } from "./browser/profile.js";
import type { Load } from "./browser/sdk.js";
import { createCrypto } from "./browser/tab.js";
import { Clock } from "./clock.js";
import { createDice, type Dice } from "./dice.js";
import { History } from "./history.js";
import { REST } from "./model/stages.js";
import { Server } from "./model/server.js";
import type { ServerGaps } from "./model/wire.js";
import { Network } from "./network.js";

const MOVING_MS = 8000;

/** Everything there is: one server, a few browser profiles, the network between them, and what has happened. */
export class World {
  readonly clock = new Clock();
  readonly dice: Dice;
  readonly crypto: ReturnType<typeof createCrypto>;
  readonly server: Server;
  readonly network: Network;
  readonly history: History;
  readonly profiles: Profile[];
  readonly options: Partial<MigrationClientOptions> = { rescanInterval: 0 };
  dump: ReturnType<Server["dump"]> | undefined;
  #values = 0;

  constructor(
    readonly seed: number,
    readonly load: Load,
    gaps: ServerGaps,
  ) {
    this.dice = createDice(seed);
    this.crypto = createCrypto(this.dice.below);
    this.server = new Server(this.clock, gaps);
    this.server.policy = this.dice.pick(["AUTO_MERGE", "AUTO_MERGE", "AUTO_OVERWRITE", "AUTO_SKIP", "INTERACTIVE"]);
    this.history = new History(this);
    this.network = new Network(this);
    this.profiles = [0, 1, 2].map((number) => new Profile(this, number));
    // Keys that no page ever deletes.
    for (const profile of this.profiles) {
      profile.person = "anna";
      for (let n = 0; n < 8; n++) profile.area.set(`stays:${n}`, "1");
    }
  }

  /** In every other world an operator has begun with the cutover, and some of the browsers have their receipt. */
  async begin(): Promise<void> {
    const dice = createDice(this.seed ^ 0xbe91);
    if (dice.chance(0.5)) return;
    goTo(this, dice.pick(["dual_write", "shadow", "ramp", "ramp", "server_primary"]));
    this.server.cutover.move("set_percentage", REST, dice.pick(SHARES));
    for (const profile of this.profiles.slice(0, 2)) void profile.open().client.startMigration();
    await this.clock.pass(MOVING_MS);
  }

  /** A value that was never written before, and says where it comes from. */
  newValue(profile: Profile, isObject: boolean): string {
    const text = `${profile.owner}/${profile.number}.${++this.#values}`;
    return isObject ? JSON.stringify({ [this.dice.pick(["x", "y", "z"])]: text, w: text }) : text;
  }
}
