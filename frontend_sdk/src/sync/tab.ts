import { SERVED, type Host } from "../host.js";
import { lead } from "../leader.js";
import { createSleep } from "../pace.js";
import { problem, problemOf, refuse } from "../problem.js";
import { createAcks, type Acks, type Row } from "./acks.js";
import { createEcho } from "./echo.js";
import type { Command } from "./commands.js";
import { exchanging } from "./leading.js";
import { createOutbox, type Outbox } from "./outbox.js";
import { pendingOf } from "./pending.js";
import { createPlace, type Told } from "./place.js";
import { POSITION } from "./receive.js";
import type { Outcome, Pending, ServerConfig, SettledWrite } from "../types.js";

/** Dual write in one tab. Every tab looks and tells what waits; one of them, the leading one, speaks with the server. */
export interface Sync {
  _pending(): Pending;
  _synced(key?: string): Promise<Outcome<object>>;
  /** Resolves when changes of other devices have come down for the first time. */
  _first: Promise<Outcome<object>>;
  /** Said to whichever tab leads. */
  _command(command: Command): void;
  _stop(): void;
}

/** What this tab knows of both sides, and its ways to have something done about it. */
export interface View {
  _acks: Acks;
  _outbox: Outbox;
  _pending(): Pending;
  _kick(): void;
  _command(command: Command): void;
}

/** What tabs tell each other. */
interface Word {
  rows?: Row[];
  writes?: SettledWrite[];
  command?: Command;
  /** A tab that has just begun asks what is held, and why nothing moves. */
  hello?: boolean;
  /** It has no IndexedDB to learn from what is acknowledged. */
  forgetful?: boolean;
  held?: Outbox["_held"];
  paused?: string | null;
  /** What another tab was told by the server. */
  config?: ServerConfig;
}

type Answer = (outcome: Outcome<object>) => void;

const DEBOUNCE_MS = 100;
const SYNC_MS = 15_000;
const LOOK_MS = 5000;
// At each of them something may have been written that nobody heard.
const MOMENTS = ["pageshow", "pagehide", "online", "visibilitychange"];

export const startSync = (area: Storage, opening: Promise<Host>, framed: boolean): Sync => {
  const page: Partial<typeof globalThis> = globalThis;
  const sleep = createSleep();
  const abort = new AbortController();
  const { signal } = abort;
  // The outbox, once there, begins by looking at everything.
  let doubt: Outbox["_doubt"] = () => {};
  let kicked = false;
  let paused: string | null = "not_ready";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let outbox: Outbox | undefined;
  let say: (word: Word) => void = () => {};
  let rest = () => {};
  let waiters: [key: string | undefined, answer: Answer][] = [];
  let arrived!: Answer;
  const _first = new Promise<Outcome<object>>((resolve) => (arrived = resolve));

  const kick = () => {
    kicked = true;
    sleep._wake();
  };
  const echo = createEcho((key) => {
    doubt(key);
    timer ??= setTimeout(() => {
      timer = undefined;
      kick();
    }, DEBOUNCE_MS);
  });
  const rescan = ({ type }: Event) => {
    if (type === "pagehide") rest();
    doubt(null);
    kick();
  };
  if (framed) echo._mend();
  MOMENTS.forEach((name) => page.addEventListener?.(name, rescan, { capture: true, signal }));

  const failed = (thrown: unknown): void => {
    paused = problemOf(thrown).code;
  };
  const pending = (): Pending => pendingOf(outbox, paused);

  const command = (command: Command): void => say({ command });

  /** Answers those who wait for nothing any more. */
  const answer = ({ _waiting, _held, _sure }: Outbox): void => {
    if (!_sure()) return kick();
    waiters = waiters.filter(([key, resolve]) => {
      if (key === undefined ? _waiting.size : _waiting.has(key)) return true;
      const reason = _held.get(key!)?.[1];
      resolve(reason ? refuse(problem(reason)) : { ok: true });
      return false;
    });
  };

  const run = async (host: Host): Promise<void> => {
    const { _store, _events, _name, _options } = host;
    const acks = createAcks(_store);
    const box = (outbox = createOutbox(area, acks, () => [host._config()?.limits.deletions, _options.deletionLimit]));
    let told = "";
    let missed = 0;
    let led = false;
    let obey: (command: Command) => void = () => {};
    doubt = box._doubt;
    const view = (host._view = { _acks: acks, _outbox: box, _pending: pending, _kick: kick, _command: command });

    const hear = ({ rows = [], writes = [], command, held = new Map(), paused: now, config }: Word): void => {
      // Who leads is told by the server, and makes sure at once: two tabs might else tell each other for ever.
      if (config && !led) host._adopt(config);
      acks._hear(rows);
      for (const [key, [print, reason]] of held) box._hold(key, print, reason);
      if (now !== undefined) paused = now;
      // Nothing pauses: changes of other devices have come down.
      if (now === null) arrived({ ok: true });
      for (const [key, ack] of rows) {
        if (ack?.[4]) box._hold(key, ack[4], "conflict");
        doubt(key);
      }
      for (const write of writes) {
        doubt(write.key);
        _events._emit("writeSettled", write);
      }
      if (command) obey(command);
    };
    const channel = page.BroadcastChannel && new BroadcastChannel(_name);
    if (channel)
      channel.onmessage = ({ data }: MessageEvent<Word>) => {
        // Where every tab leads for want of locks, each knows best what keeps itself; two would contradict each other for ever.
        if (led) delete data.paused, delete data.held;
        hear(data);
        // A tab that begins to lead says that it is not ready. What the former one died before it could tell is in the table.
        if (data.paused && !data.held) void load();
        if (data.hello && led)
          // Where nothing lasts, what is acknowledged is known to this tab alone.
          channel.postMessage({ held: box._held, paused, rows: _store._durable() && !data.forgetful ? [] : acks._rows() });
        else kick();
      };
    say = (word) => {
      hear(word);
      channel?.postMessage(word);
    };
    signal.addEventListener("abort", () => channel?.close());

    const tell = (now: string | null, exchanged: boolean): void => {
      if (led && now !== paused) say({ paused: now });
      if (exchanged) answer(box);
      const stands = pending();
      const { missing } = stands;
      const text = JSON.stringify(stands);
      if (text !== told) _events._emit("pendingChanged", stands);
      if (missing > missed) _events._emit("absence", { keys: box._missing() });
      told = text;
      missed = missing;
    };
    /** Waits for the next thing to do. */
    const pause = async (ms: number): Promise<void> => {
      if (!kicked) await sleep(ms);
      if (signal.aborted) return;
      // Nobody called: the time has come to look at everything.
      if (!kicked) doubt(null);
      kicked = false;
      if (framed && echo._mend()) doubt(null);
    };
    const idle = () => pause(Math.min(_options.syncInterval ?? SYNC_MS, echo._area() ? Infinity : LOOK_MS));

    const tellPage = (...change: Told) =>
      host
        ._engine()
        .then((engine) => engine._tell(area, ...change))
        .catch(problemOf);

    const load = async () => {
      await acks._load();
      hear({ rows: acks._rows() });
      doubt(null);
      // What a tab without IndexedDB knows is in no table.
      channel?.postMessage({ hello: true, forgetful: !_store._durable() });
    };
    await load();
    const served = await _store._get<boolean>(SERVED);
    if (served !== undefined) void host._cutover(true).catch(problemOf);
    // A page whose reads the server answers waits for its word.
    if (!served && (await _store._get(POSITION))) arrived({ ok: true });
    // Heard from the start: a failure nobody listens for yet is told to the page as unhandled.
    lead(
      _name + ":sync",
      async () => {
        led = true;
        // What another tab held back may have been let go since: it is judged anew.
        box._held.clear();
        kick();
        await load();
        const leading = await exchanging({
          ...view,
          _host: host,
          _place: createPlace(area, echo, tellPage),
          async _keep(rows) {
            if (!rows[0]) return;
            await acks._put(rows);
            say({ rows });
          },
          _settled: (writes) => say({ writes, held: box._held }),
          _signal: signal,
        });
        obey = leading._obey;
        rest = leading._rest;
        await leading._loop(tell, pause, idle);
      },
      { signal },
    ).catch(failed);
    while (!led && !signal.aborted) {
      try {
        await box._look();
        tell(channel ? paused : null, true);
      } catch (thrown) {
        // The page took the storage's own methods away, or the storage as such: it may come back.
        failed(thrown);
      }
      await idle();
    }
  };

  void opening.then(run).catch(failed);

  return {
    _pending: pending,
    _first,
    _command: command,
    _synced: (key) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve(refuse(problem("not_installed")));
        waiters.push([key, resolve]);
        doubt(key ?? null);
        kick();
      }),
    _stop() {
      rest();
      abort.abort();
      clearTimeout(timer);
      sleep._wake();
      echo._remove();
      for (const [, resolve] of waiters) resolve(refuse(problem("not_installed")));
    },
  };
};
