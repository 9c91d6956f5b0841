import { readAll, readItem } from "../area.js";
import type { Pair } from "../codec.js";
import { inferCollections, labeller } from "../collections.js";
import type { Host } from "../host.js";
import { problemOf, refuse } from "../problem.js";
import { ABSENT, printOf } from "../sync/acks.js";
import { POSITION, type Position } from "../sync/receive.js";
import type { View } from "../sync/tab.js";
import type { MigrationClient, ReadAnswer, Side, StageLine } from "../types.js";
import { askKeys, assertOwn, createAsking, within } from "./asking.js";
import type { Base } from "./base.js";
import type { Shadow } from "./shadow.js";

/** Reads by stage: the server's copy where the stage says so and it answers in time, this browser's otherwise. */

const ANSWER_MS = 1000;

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

  /** The code of what kept the server's answer away; beyond the lease that alone counts. */
  const fallback = async (thrown: unknown) =>
    from("browser", (await base._leased()) ? problemOf(thrown).code : "lease_over");

  const fromServer = async (view: View, area: Storage, key: string): Promise<ReadAnswer> => {
    const here = () => readItem(area, key);
    const before = here();
    if (await isUnsent(view, area, key)) return { value: here(), ...from("browser", "pending") };
    try {
      const [value, revision] = await within(patience, ask(key));
      const known = view._acks._get(key)?.[3] ?? 0;
      // The page has written on, or another device's newer word has come down meanwhile.
      if (value !== here() && (here() !== before || revision < known)) return { value: here(), ...from("browser", "newer_here") };
      return { value, ...from("server") };
    } catch (thrown) {
      return { value: here(), ...(await fallback(thrown)) };
    }
  };

  const readOne = async (key: string): Promise<ReadAnswer> => {
    const area = base._supported();
    await begin();
    const line = lines()._of(key);
    const view = (await base._open())._view;
    if (line.reads === "server" && view) return fromServer(view, area, key);
    return { value: readItem(area, key), ...from("browser", view ? reasonOf(line) : "dual_write_off") };
  };

  /** Puts what the server holds otherwise over a copy of what is here. */
  const lay = async (entries: Map<string, string>, view: View, area: Storage, among: (key: string) => boolean) => {
    const host = await base._open();
    const over = new Map<string, string | null>();
    for (const { line, revision } of await changesSince(host)) {
      const [key, value] = JSON.parse(line) as Pair;
      if (revision > (view._acks._get(key)?.[3] ?? 0)) over.set(key, value ?? null);
    }
    for (const [key, [value]] of await askKeys(host, view._outbox._missing().filter(among))) over.set(key, value);
    for (const [key, value] of await readAll(area)) if (among(key)) entries.set(key, value);
    for (const [key, value] of over) {
      if (!among(key) || lines()._of(key).reads !== "server") continue;
      if (await isUnsent(view, area, key)) continue;
      if (value === null) entries.delete(key);
      else entries.set(key, value);
    }
  };

  const readMany = async (collection: string | undefined) => {
    const area = base._supported();
    await begin();
    const here = await readAll(area);
    const label = labeller(await inferCollections(here.keys(), lines()._declared));
    const among = (key: string) => collection === undefined || label(key) === collection;
    const own = () => [...here].filter(([key]) => among(key));
    const asked = collection === undefined ? lines()._all : [lines()._named(collection)];
    const view = (await base._open())._view;
    const line = asked.find(({ reads }) => reads === "server");
    if (!line || !view)
      return { entries: own(), ...from("browser", view ? asked.map(reasonOf).find(Boolean) : "dual_write_off") };
    const entries = new Map<string, string>();
    try {
      await within(patience, lay(entries, view, area, among));
      return { entries: [...entries], ...from("server") };
    } catch (thrown) {
      return { entries: own(), ...(await fallback(thrown)) };
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
