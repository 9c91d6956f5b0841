import type { Host } from "./host.js";
import { lead } from "./leader.js";
import { createSleep } from "./pace.js";
import { problem, problemOf, refuse } from "./problem.js";
import { backoff } from "./retry.js";
import type { Outcome, Pending, SettledWrite } from "./types.js";
import { createAcks, type Row } from "./sync/acks.js";
import { createEcho } from "./sync/echo.js";
import { createExchange } from "./sync/exchange.js";
import { hearNews, type News } from "./sync/news.js";
import { createOutbox, type Outbox } from "./sync/outbox.js";
import { createPlace } from "./sync/place.js";
import { POSITION } from "./sync/receive.js";

/** Dual write in one tab. Every tab looks and tells what waits; one of them, the leading one, speaks with the server. */
export interface Sync {
  _pending(): Pending;
  _synced(key?: string): Promise<Outcome<object>>;
  /** Resolves when changes of other devices have come down for the first time. */
  _first: Promise<Outcome<object>>;
  _stop(): void;
}

/** What tabs tell each other. */
interface Word {
  rows?: Row[];
  writes?: SettledWrite[];
}

type Answer = (outcome: Outcome<object>) => void;

const DEBOUNCE_MS = 100;
const SYNC_MS = 15_000;
const LOOK_MS = 5000;
const MOST_MS = 30_000;
// At each of them something may have been written that nobody heard.
const MOMENTS = ["pageshow", "pagehide", "online", "visibilitychange"];

export const startSync = (area: Storage, opening: Promise<Host>, framed: boolean): Sync => {
  const page: Partial<typeof globalThis> = globalThis;
  const sleep = createSleep();
  const abort = new AbortController();
  const early: (string | null)[] = [];
  let doubt = (key: string | null): void => void early.push(key);
  let kicked = false;
  let stopped = false;
  let paused: string | null = "not_ready";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let outbox: Outbox | undefined;
  let channel: BroadcastChannel | undefined;
  let news: News | undefined;
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
  const rescan = () => {
    doubt(null);
    kick();
  };
  if (framed) echo._mend();
  MOMENTS.forEach((name) => page.addEventListener?.(name, rescan, true));

  const pending = (): Pending => {
    const entries = [...(outbox?._waiting.values() ?? [])];
    return {
      count: entries.length,
      bytes: entries.reduce((sum, { _print }) => sum + (parseInt(_print) || 0), 0),
      oldest: entries.length ? Math.min(...entries.map(({ _since }) => _since)) : null,
      missing: outbox?._missing().length ?? 0,
      refused: [...(outbox?._held ?? [])].map(([key, [, reason]]) => ({ key, reason })),
      paused,
    };
  };

  /** Answers those who wait for nothing any more. */
  const answer = ({ _waiting, _held, _sure }: Outbox): void => {
    if (!_sure()) return kick();
    waiters = waiters.filter(([key, resolve]) => {
      if (key === undefined ? _waiting.size : _waiting.has(key)) return true;
      const reason = key !== undefined && _held.get(key)?.[1];
      resolve(reason ? refuse(problem(reason)) : { ok: true });
      return false;
    });
  };

  const run = async (host: Host): Promise<void> => {
    const { _store, _events, _name, _options } = host;
    const acks = createAcks(_store);
    const box = (outbox = createOutbox(area, acks));
    let told = "";
    doubt = box._doubt;
    early.forEach(doubt);

    const hear = ({ rows = [], writes = [] }: Word): void => {
      for (const [key] of rows) doubt(key);
      for (const write of writes) _events._emit("writeSettled", write);
    };
    const say = (word: Word): void => {
      hear(word);
      channel?.postMessage(word);
    };
    if (page.BroadcastChannel) {
      channel = new BroadcastChannel(_name);
      channel.onmessage = ({ data }: MessageEvent<Word>) => {
        acks._hear(data.rows ?? []);
        hear(data);
        kick();
      };
    }

    const tell = (): void => {
      answer(box);
      const now = pending();
      const text = JSON.stringify(now);
      if (text !== told) _events._emit("pendingChanged", now);
      told = text;
    };
    /** Tells what is new, and waits for the next thing to do. */
    const pause = async (ms: number): Promise<void> => {
      tell();
      if (!kicked) await sleep(ms);
      // Nobody called: the time has come to look at everything.
      if (!kicked) doubt(null);
      kicked = false;
      if (framed && echo._mend()) doubt(null);
    };
    const interval = () => Math.min(_options.syncInterval ?? SYNC_MS, echo._area() ? Infinity : LOOK_MS);

    const leading = async (): Promise<void> => {
      await acks._load();
      doubt(null);
      const exchange = await createExchange({
        _host: host,
        _acks: acks,
        _outbox: box,
        _place: createPlace(area, echo),
        async _keep(rows) {
          if (!rows.length) return;
          await acks._put(rows);
          say({ rows });
        },
        _settled: (writes) => say({ writes }),
        _isStopped: () => stopped,
      });
      news = hearNews(host, (revision) => {
        exchange._rumour(revision);
        kick();
      });
      for (let failures = 0; !stopped; ) {
        await box._look();
        tell();
        if (!news._live()) exchange._rumour(Infinity);
        try {
          await lead(_name, () => exchange._go(page.document?.visibilityState === "hidden"), { signal: abort.signal });
          failures = 0;
          paused = null;
          arrived({ ok: true });
        } catch (thrown) {
          failures++;
          paused = problemOf(thrown).code;
          if (/^(timeline_changed|cursor_expired)$/.test(paused)) await exchange._anew();
        }
        const patient = Math.min(_options.retryDelay ?? MOST_MS, backoff(failures));
        await pause(failures ? patient : interval());
      }
    };

    await acks._load();
    if (await _store._get(POSITION)) arrived({ ok: true });
    let led = false;
    const ended = lead(
      _name + ":sync",
      () => {
        led = true;
        kick();
        return leading();
      },
      { signal: abort.signal },
    );
    while (!led && !stopped) {
      await box._look();
      paused = null;
      await pause(interval());
    }
    await ended;
  };

  void opening.then(run).catch((thrown) => {
    paused = problemOf(thrown).code;
  });

  return {
    _pending: pending,
    _first,
    _synced: (key) =>
      new Promise((resolve) => {
        waiters.push([key, resolve]);
        doubt(key ?? null);
        kick();
      }),
    _stop() {
      stopped = true;
      abort.abort();
      clearTimeout(timer);
      sleep._wake();
      echo._remove();
      news?._stop();
      channel?.close();
      MOMENTS.forEach((name) => page.removeEventListener?.(name, rescan, true));
      for (const [, resolve] of waiters) resolve(refuse(problem("not_installed")));
    },
  };
};
