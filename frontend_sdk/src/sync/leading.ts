import { lead } from "../leader.js";
import { problemOf } from "../problem.js";
import { backoff } from "../retry.js";
import type { AdoptionChoice } from "../types.js";
import type { Row } from "./acks.js";
import { createExchange, type Parts } from "./exchange.js";
import { hearNews } from "./news.js";
import { createPulse } from "./pulse.js";

/** What the leading tab does for as long as it lives: exchange after exchange. */

/** What the page says, in whichever tab: about missing keys, or whose the data is. */
export type Command = "restore" | "delete" | AdoptionChoice;

export interface Leading {
  _obey(command: Command): void;
  /** The page ends in peace. */
  _rest(): void;
  _loop(
    tell: (paused: string | null, exchanged: boolean) => void,
    pause: (ms: number) => Promise<void>,
    idle: () => Promise<void>,
    arrived: () => void,
  ): Promise<void>;
}

interface Life extends Omit<Parts, "_disputed"> {
  _kick(): void;
  _signal: AbortSignal;
}

// The server is another one than it was, or does not remember as far back.
const FORGOTTEN = /^(timeline_changed|cursor_expired)$/;
const OFF = /^(dual_write_off|wrong_state)$/;
const MOST_MS = 30_000;
const OFF_MS = 60_000;
// What is mended at once is tried again at once, but not for ever.
const QUICK_TRIES = 3;

export const exchanging = async (life: Life): Promise<Leading> => {
  const { _host: host, _acks: acks, _outbox: outbox, _kick: kick } = life;
  const { _store, _events, _name, _options } = host;
  const pulse = createPulse(_store);
  const commands: Command[] = [];
  let recovered = false;
  let forgotten: string | undefined;

  const exchange = await createExchange({
    ...life,
    _disputed: (ids) =>
      void host
        ._engine()
        .then((engine) => engine._askPage(host, ids))
        .then(
          (decided) => {
            if (!decided) return;
            standing._rumour(Infinity);
            kick();
          },
          // Still open: it is listed, and asked again at its next write.
          () => {},
        ),
  });
  const standing = exchange._standing;

  /** Who was seen to write a former value back has written it. */
  const witness = async (): Promise<void> => {
    const rows: Row[] = [];
    for (const [key, { _print }] of outbox._waiting) {
      const ack = acks._get(key);
      if (!ack?.[1].includes(_print)) continue;
      const [print, previous, ...rest] = ack;
      rows.push([key, [print, previous.filter((one) => one !== _print), ...rest]]);
    }
    if (rows.length) await life._keep(rows);
  };

  /** What a browser that died lost of the storage comes down again; until that is known nothing is sent. */
  const recover = async (): Promise<void> => {
    const alive = !recovered && (await pulse._died());
    if (alive) await (await host._engine())._recover(standing, alive);
    recovered = true;
  };

  /** Between two exchanges, so that none sees half of it. */
  const obey = async (): Promise<void> => {
    for (; commands[0]; commands.shift()) {
      const [command] = commands;
      if (command === "delete") outbox._confirm();
      else if (command === "restore") await (await host._engine())._restore(standing);
      else standing._choice = command;
    }
  };

  const exchangeOnce = async (): Promise<void> => {
    if (forgotten) await (await host._engine())._relearn(standing, forgotten);
    forgotten = undefined;
    await exchange._go(globalThis.document?.visibilityState === "hidden");
  };

  /** How long to wait after an exchange that failed. */
  const patience = async (code: string, failures: number): Promise<number> => {
    const off = OFF.test(code);
    if (FORGOTTEN.test(code)) forgotten = code;
    if (off || forgotten) await host._connect(undefined, true).catch(() => {});
    if (off) return _options.healthCheckInterval ?? OFF_MS;
    const mended = code === "cancelled" || code === forgotten;
    return mended && failures < QUICK_TRIES ? 0 : Math.min(_options.retryDelay ?? MOST_MS, backoff(failures));
  };

  return {
    _rest: pulse._rest,
    _obey(command) {
      commands.push(command);
      kick();
    },
    async _loop(tell, pause, idle, arrived) {
      const news = hearNews(host, (revision) => {
        standing._rumour(revision);
        kick();
      });
      life._signal.addEventListener("abort", news._stop);
      let paused: string | null = "not_ready";
      for (let failures = 0; !life._isStopped(); ) {
        try {
          await recover();
          await outbox._look();
          await witness();
          await obey();
          tell(paused, false);
          if (!news._live()) standing._rumour(Infinity);
          await pulse._beat();
          await lead(_name, exchangeOnce, { signal: life._signal });
          failures = 0;
          paused = null;
          arrived();
        } catch (thrown) {
          const { code, _body } = problemOf(thrown);
          if (code !== paused && code === "claimed_by_other") _events._emit("ownerChanged", { code, from: _body.from });
          paused = code;
          failures++;
        }
        if (life._isStopped()) return;
        tell(paused, !paused);
        if (paused) await pause(await patience(paused, failures));
        else await idle();
      }
    },
  };
};
