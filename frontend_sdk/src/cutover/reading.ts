import { readAll, readItem } from "../area.js";
import type { Pair } from "../codec.js";
import { inferCollections, labeller } from "../collections.js";
import type { Host } from "../host.js";
import { now } from "../pace.js";
import { problem, problemOf, refuse } from "../problem.js";
import { ABSENT, printOf } from "../sync/acks.js";
import { POSITION, type Position } from "../sync/receive.js";
import type { View } from "../sync/tab.js";
import type { MigrationClient, ReadAnswer, Side, StageLine } from "../types.js";
import { askKeys, assertOwn, createAsking, within, type Held } from "./asking.js";
import type { Base } from "./base.js";
import type { Shadow } from "./shadow.js";

/** Reads by stage: the server's copy where the stage says so and it answers in time, this browser's otherwise. */

const ANSWER_MS = 1000;
// Between two looks whether something has come down.
const LOOK_MS = 20;

/** Why an answer is this browser's although nothing went wrong. */
const reasonOf = ({ reason }: StageLine): string | undefined => (reason === "as_requested" ? undefined : reason);

/** Says which side answered; a reason only where there is one. */
const from = (side: Side, reason?: string) => ({ from: side, ...(reason && { reason }) });

/** True where the value here is not what the server acknowledged: it is newer, or nobody may have it. */
export const isUnsent = async ({ _acks, _outbox }: View, area: Storage, key: string): Promise<boolean> => {
  const value = readItem(area, key);
  const print = await printOf(value);
  // So much missing at once was rather lost than deleted: the server's copy is what there is.
  const lost = value === null && _outbox._missing().includes(key);
  return !lost && print !== (_acks._get(key)?.[0] ?? ABSENT);
};

const revisionOf = ({ _acks }: View, key: string): number => _acks._get(key)?.[3] ?? 0;

interface Change {
  line: string;
  revision: number;
}

/** What changed on the server since this browser last looked. */
const changesSince = async (host: Host): Promise<Change[]> => {
  const { cursor = 0, timeline = "" } = (await host._store._get<Position>(POSITION)) ?? {};
  const found: Change[] = [];
  for (let since = cursor; ; ) {
    const { _body } = await host._net._send("GET", `/records?since=${since}&timeline=${timeline}`);
    found.push(..._body.changes);
    since = _body.until;
    if (_body.more) continue;
    await assertOwn(host);
    return found;
  }
};

export const createReading = (base: Base, shadow: Shadow): Pick<MigrationClient, "get" | "getAll"> => {
  const { _options: options, _lines: lines } = base;
  const ask = createAsking(base._open);
  const patience = options.readTimeout ?? ANSWER_MS;
  let begun: Promise<unknown> | undefined;

  /** Dual write and the config, as far as they are there after a while. */
  const begin = async (): Promise<void> => {
    const wait = async () => {
      await (await base._dual())._ready();
      const host = await base._open();
      await within(patience, host._connect());
      await host._cutover(true);
    };
    // Where that failed once, nobody waits for it again.
    await (begun ??= wait().catch(problemOf));
  };

  const isServed = (key: string): boolean => lines()._of(key).reads === "server";

  /** The code of what kept the server's answer away; beyond the lease that alone counts. */
  const fallback = async (thrown: unknown) =>
    from("browser", (await base._leased()) ? problemOf(thrown).code : "lease_over");

  /**
   * What is shown comes down first, as any change does: nobody is shown it, and then something older by the browser. What
   * is missing here does not come unasked, and what finds no room here is the server's alone.
   */
  const bring = async (view: View, area: Storage, found: Map<string, Held>, until: number): Promise<void> => {
    const lost = view._outbox._missing();
    const behind = [...found].filter(([key, [, revision]]) => revision > revisionOf(view, key) && !lost.includes(key));
    if (behind[0]) view._command(Math.max(...behind.map(([, [, revision]]) => revision)));
    const { _store } = await base._open();
    for (const [key, [, revision]] of behind)
      while (revision > revisionOf(view, key) && !(await isUnsent(view, area, key))) {
        if ((await _store._get<Position>(POSITION))?.full) return;
        if (now() > until) throw problem("timeout");
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
  };

  const fromServer = async (view: View, area: Storage, key: string): Promise<ReadAnswer> => {
    const here = () => readItem(area, key);
    const before = here();
    if (await isUnsent(view, area, key)) return { value: here(), ...from("browser", "pending") };
    const until = now() + patience;
    try {
      const held = await within(patience, ask(key));
      await bring(view, area, new Map([[key, held]]), until);
      const [value, revision] = held;
      // The page has written on, or another device's newer word has come down meanwhile.
      if (value !== here() && (here() !== before || revision < revisionOf(view, key))) return { value: here(), ...from("browser", "newer_here") };
      return { value, ...from("server") };
    } catch (thrown) {
      return { value: here(), ...(await fallback(thrown)) };
    }
  };

  const readOne = async (key: string): Promise<ReadAnswer> => {
    const area = base._supported();
    await begin();
    const host = await base._open();
    const view = host._view;
    const answered = view && isServed(key) && (await fromServer(view, area, key));
    // Asked under one stage, and answered under another.
    if (answered) await host._cutover();
    if (answered && isServed(key)) return answered;
    return { value: readItem(area, key), ...from("browser", view ? reasonOf(lines()._of(key)) : "dual_write_off") };
  };

  /** Puts what the server holds otherwise over a copy of what is here. */
  const lay = async (entries: Map<string, string>, view: View, area: Storage, among: (key: string) => boolean) => {
    const until = now() + patience;
    const host = await base._open();
    const over = new Map<string, Held>();
    for (const { line, revision } of await changesSince(host)) {
      const [key, value] = JSON.parse(line) as Pair;
      if (among(key) && isServed(key)) over.set(key, [value ?? null, revision]);
    }
    const lost = view._outbox._missing().filter((key) => among(key) && isServed(key));
    for (const [key, held] of await askKeys(host, lost)) over.set(key, held);
    await bring(view, area, over, until);
    for (const [key, value] of await readAll(area)) if (among(key)) entries.set(key, value);
    for (const [key, [value, revision]] of over) {
      if (await isUnsent(view, area, key)) continue;
      if (revision <= revisionOf(view, key) && !lost.includes(key)) continue;
      if (value === null) entries.delete(key);
      else entries.set(key, value);
    }
  };

  const readMany = async (collection: string | undefined) => {
    const area = base._supported();
    await begin();
    const label = labeller(await inferCollections((await readAll(area)).keys(), lines()._declared));
    const among = (key: string) => collection === undefined || label(key) === collection;
    // The page may have written while the server was asked.
    const own = async () => [...(await readAll(area))].filter(([key]) => among(key));
    const asked = collection === undefined ? lines()._all : [lines()._named(collection)];
    const view = (await base._open())._view;
    const line = asked.find(({ reads }) => reads === "server");
    if (!line || !view)
      return { entries: await own(), ...from("browser", view ? asked.map(reasonOf).find(Boolean) : "dual_write_off") };
    const entries = new Map<string, string>();
    try {
      await within(patience, lay(entries, view, area, among));
      return { entries: [...entries], ...from("server") };
    } catch (thrown) {
      return { entries: await own(), ...(await fallback(thrown)) };
    }
  };

  const answer = async <T extends object>(work: () => Promise<T>, read: (answered: T) => string[]) => {
    try {
      const answered = await work();
      // Afterwards: who asked has the answer already.
      setTimeout(() => shadow._consider(read(answered)));
      return { ok: true as const, ...answered };
    } catch (thrown) {
      return refuse(thrown);
    }
  };

  return {
    get: (key) => answer(() => readOne(key), () => [key]),
    getAll: (collection) => answer(() => readMany(collection), ({ entries }) => entries.map(([key]) => key)),
  };
};
