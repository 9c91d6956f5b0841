import { describe, expect, it } from "vitest";
import type { ReadAnswer } from "../../src/reads.js";
import { goTo } from "../simulator/actions/operator.js";
import { rest, usePlayed, write } from "../support/played.js";

const play = usePlayed();

const MINUTES = 600_000;
const DAYS = 172_800_000;

describe("a machine that sleeps", () => {
  it("is none that died: what a page wrote back before is sent by the tab that leads next", async () => {
    const { world, browser } = await play();
    const { profile, tab } = browser([["a", "on"]]);
    await rest(world);
    profile.open();
    await world.clock.pass(20_000);
    write(profile, "a", "off");
    await rest(world);
    write(profile, "a", "on");
    profile.sleep(MINUTES);
    tab.kill();
    await world.clock.pass(MINUTES);
    await rest(world);
    expect([profile.area.items.get("a"), world.server.recordsOf("anna").held().get("a")]).toEqual(["on", "on"]);
  });

  it("has not heard from the server meanwhile, and says so once it is awake", async () => {
    const { world, browser } = await play();
    const { profile, tab } = browser([["a", "1"]]);
    void tab.client.startMigration();
    await rest(world);
    goTo(world, "server_primary");
    await rest(world);
    const read = async (): Promise<ReadAnswer> => {
      const asked = tab.client.get("a");
      await world.clock.pass(1500);
      const answer = await asked;
      return answer.ok ? answer : expect.fail(answer.code);
    };
    expect(await read()).toMatchObject({ value: "1", from: "server" });
    // Requests end nowhere, and nobody says that they do.
    world.network.fetch = () => new Promise(() => {});
    await world.clock.pass(20_000);
    expect(await read()).toMatchObject({ value: "1", from: "browser", reason: "timeout" });
    profile.sleep(DAYS);
    await world.clock.pass(DAYS + 25_000);
    expect(await read()).toMatchObject({ value: "1", from: "browser", reason: "lease_over" });
  });
});
