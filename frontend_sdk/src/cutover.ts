/**
 * Stages beyond dual write, and reads that say which side answered: fetched when such a stage holds, or when a page
 * reads through us. A page in dual write alone never needs it.
 */
import type { Base } from "./cutover/base.js";
import { readLines, type Lines } from "./cutover/lines.js";
import { createReading } from "./cutover/reading.js";
import { createReports } from "./cutover/reports.js";
import { createShadow } from "./cutover/shadow.js";
import { DEVICE, SERVED, type Core, type Host, type READS, type Words } from "./host.js";
import { problemOf } from "./problem.js";
import { POSITION } from "./sync/receive.js";
import { PASSED, type Passed } from "./sync/commands.js";
import type { CutoverOptions, MigrationClient, ServerConfig } from "./types.js";

export interface Cutover extends Pick<MigrationClient, Words<typeof READS>> {
  /** Takes the config that holds now, and tells the page which stages are others than before. */
  _heed(config: ServerConfig | undefined): Promise<void>;
  /** True for keys whose reads the server answers. */
  _serves(key: string): boolean;
  /** Why a key stays as it is: its collection is off. A change that is passed over for that is remembered. */
  _pass(key: string, revision?: number): string | undefined;
  /** What the page wishes from now on, on later visits too. */
  _wish(options: CutoverOptions): Promise<void>;
  _halt(): void;
}

/** The server says the same of such a write. */
const OFF = "stage_off";
const WISH = "wish";
const HEARD = "heard";
const HEARD_MS = 10_000;
// A hidden tab's turn comes once a minute; later than this it was asleep, and so long a request may take to fail.
const [ASLEEP_MS, DOUBT_MS] = [300_000, 120_000];
// A day without the server, where it does not say.
const LEASE_SECONDS = 86_400;

/** A config as tabs tell it each other. */
type Told = ServerConfig & { heard?: boolean };

/** True where the server has said the other one later. */
const isBefore = (one: ServerConfig | undefined, other: ServerConfig | undefined): boolean =>
  !!one && one.timeline === other?.timeline && one.epoch.localeCompare(other.epoch, "en", { numeric: true }) < 0;

export const createCutover = (core: Core): Cutover => {
  const abort = new AbortController();
  let config: Told | undefined;
  let device = "";
  let wish: CutoverOptions = {};
  const read = (from: ServerConfig | undefined): Lines => readLines(from, device, { ...wish, ...core._options });
  let lines = read(undefined);
  let latest: string | undefined;
  let channel: BroadcastChannel | undefined;
  let pulse: ReturnType<typeof setInterval> | undefined;
  let beaten = Date.now();
  let believed = 0;
  let turn: Promise<void> = Promise.resolve();

  const leased = async (): Promise<boolean> => {
    const last = (await (await core._open())._store._get<number>(HEARD)) ?? 0;
    return Date.now() - last < (config?.limits.lease_seconds ?? LEASE_SECONDS) * 1000;
  };
  const base: Base = { ...core, _lines: () => lines, _leased: leased, _signal: abort.signal };
  const reports = createReports(base);
  const shadow = createShadow(base, reports);

  const leave = () => void reports._flush(true);
  globalThis.addEventListener?.("pagehide", leave, { capture: true, signal: abort.signal });

  /** What was held back because its collection was off is looked at again. */
  const release = async (): Promise<void> => {
    const view = (await core._open())._view;
    if (!view) return;
    const { _outbox: outbox } = view;
    for (const [key, [, reason]] of outbox._held) {
      if (reason !== OFF || lines._of(key).stage === "off") continue;
      outbox._held.delete(key);
      outbox._doubt(key);
    }
    view._kick();
  };

  /** Other tabs hear nothing of the server's; one that begins asks. What was heard from one of them is not passed on. */
  const pass = ({ _name, _store }: Host): void => {
    if (!globalThis.BroadcastChannel) return;
    channel ??= new BroadcastChannel(_name);
    const say = () => {
      // What holds by now: this tab, too, hears what it says, and would go back.
      const held = core._config() as Told | undefined;
      // A tab that lost its IndexedDB is another device than the others are.
      if (held && !held.heard && _store._durable()) channel?.postMessage({ config: { ...held, heard: true } });
    };
    channel.onmessage = ({ data }: MessageEvent<{ hello?: boolean; config?: ServerConfig }>) => {
      // Whoever says what held before was not told yet, and others may have believed it.
      if (data.hello || isBefore(data.config, core._config())) say();
    };
    say();
  };

  /** As long as exchanges succeed, the copy here is the server's. After a sleep that is to be seen first. */
  const beat = async (): Promise<void> => {
    const now = Date.now();
    if (Math.abs(now - beaten) > ASLEEP_MS) believed = now + DOUBT_MS;
    beaten = now;
    if (now < believed) return;
    const { _store, _view } = await core._open();
    if (_view?._pending().paused === null) await _store._update(HEARD, () => Date.now());
  };

  /** What the next visit has to know before it has heard from the server. */
  const remember = async (): Promise<void> => {
    const { _store, _view } = await core._open();
    const passed = Object.keys((await _store._get<Passed>(PASSED)) ?? {});
    if (passed.some((collection) => lines._named(collection).stage !== "off")) _view?._command("resume");
    const served = lines._all.some(({ reads }) => reads === "server");
    const beyond = served || passed[0] !== undefined || lines._all.some(({ stage }) => stage !== "dual_write");
    const word = beyond ? served : undefined;
    if ((await _store._get(SERVED)) !== word) await _store._update(SERVED, () => word);
  };

  const tell = async (before: Lines): Promise<void> => {
    const { _events } = await core._open();
    // One that has lost its own line goes with the rest.
    for (const collection of new Set([...lines._all, ...before._all].map((line) => line.collection))) {
      const { stage, reads, reason } = lines._named(collection);
      const { stage: previous, reason: because } = before._named(collection);
      if (stage !== previous || reason !== because)
        _events._emit("collectionStageChanged", { collection, stage, previous, reads, reason });
    }
  };

  const settle = async (before?: Lines): Promise<void> => {
    lines = read(config);
    await release();
    shadow._sweep();
    await remember();
    if (before) await tell(before);
  };

  const heed = async (next: ServerConfig): Promise<void> => {
    const host = await core._open();
    const { _store } = host;
    device ||= (await _store._get<string>(DEVICE)) ?? "";
    wish = (await _store._get<CutoverOptions>(WISH)) ?? {};
    // A browser that has been in dual write was in nothing else before this was fetched.
    const known = config || ((await _store._get(SERVED)) === undefined && (await _store._get(POSITION))) ? lines : undefined;
    config = next;
    pass(host);
    pulse ??= setInterval(() => void beat().catch(problemOf), HEARD_MS);
    await _store._update(HEARD, () => Date.now());
    await settle(known);
  };

  return {
    ...createReading(base, shadow),
    _heed(next) {
      const text = next && JSON.stringify(next);
      if (next && text !== latest) {
        latest = text;
        const take = () => heed(next);
        // One after the other, and whoever asks later waits for all of them.
        turn = turn.then(take, take);
      }
      return turn;
    },
    async _wish({ enableGradualCutover, cutoverPercentage }) {
      const { _store } = await core._open();
      wish = { enableGradualCutover, cutoverPercentage };
      await _store._update<CutoverOptions>(WISH, () => wish);
      await settle(lines);
    },
    _serves: (key) => lines._of(key).reads === "server",
    _pass(key, revision) {
      const { collection, stage } = lines._of(key);
      if (stage !== "off") return;
      if (revision === undefined) return OFF;
      // Before the cursor goes on: the store keeps the order of what it is told.
      void core
        ._open()
        .then(({ _store }) =>
          _store._update<Passed>(PASSED, (old = {}) => ({ ...old, [collection]: Math.min(old[collection] ?? revision, revision) })),
        )
        .catch(problemOf);
      return OFF;
    },
    _halt() {
      abort.abort();
      clearInterval(pulse);
      channel?.close();
    },
  };
};
