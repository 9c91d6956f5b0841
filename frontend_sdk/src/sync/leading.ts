import { lead } from "../leader.js";
import { problemOf } from "../problem.js";
import { backoff } from "../retry.js";
import type { Row } from "./acks.js";
import { askPage } from "./conflicts.js";
import { asNeverHeld, createExchange, type Parts } from "./exchange.js";
import { hearNews } from "./news.js";
import { createPulse, findTorn } from "./torn.js";

/** What the leading tab does for as long as it lives: exchange after exchange. */

/** What the page says, in whichever tab: about missing keys, or whose the data is. */
export type Command = "restore" | "delete" | "take";

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
  _area: Storage;
  _kick(): void;
  _signal: AbortSignal;
}

// The server is another one than it was, or does not remember as far back: nothing that was acknowledged counts.
const FORGOTTEN = /^(timeline_changed|cursor_expired)$/;
const OFF = /^(dual_write_off|wrong_state)$/;
const MOST_MS = 30_000;
const OFF_MS = 60_000;

export const exchanging = async (life: Life): Promise<Leading> => {
  const { _host: host, _acks: acks, _outbox: outbox, _kick: kick } = life;
  const { _store, _events, _name, _options } = host;
  const pulse = createPulse(_store);
  const commands: Command[] = [];

  const exchange = await createExchange({
    ...life,
    _disputed: (ids) =>
      void askPage(host, ids).then(
        (decided) => {
          if (!decided) return;
          exchange._rumour(Infinity);
          kick();
        },
        // Still open: it is listed, and asked again at its next write.
        () => {},
      ),
  });
  await exchange._recall(await findTorn(_store, acks, life._area));

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

  /** Between two exchanges, so that none sees half of it. */
  const obey = async (command: Command): Promise<void> => {
    if (command === "delete") outbox._confirm();
    else if (command === "take") exchange._takeOver();
    else await exchange._recall(asNeverHeld(outbox._missing()));
  };

  /** How long to wait after an exchange that failed. */
  const patience = async (code: string, failures: number): Promise<number> => {
    if (code === "cancelled") return 0;
    if (!FORGOTTEN.test(code) && !OFF.test(code))
      return Math.min(_options.retryDelay ?? MOST_MS, backoff(failures));
    await host._connect(undefined, true).catch(() => {});
    if (FORGOTTEN.test(code)) await exchange._anew();
    return OFF.test(code) ? (_options.healthCheckInterval ?? OFF_MS) : 0;
  };

  return {
    _rest: () => void pulse._rest(),
    _obey(command) {
      commands.push(command);
      kick();
    },
    async _loop(tell, pause, idle, arrived) {
      const news = hearNews(host, (revision) => {
        exchange._rumour(revision);
        kick();
      });
      life._signal.addEventListener("abort", news._stop);
      let paused: string | null = "not_ready";
      for (let failures = 0; !life._isStopped(); ) {
        try {
          await outbox._look();
          await witness();
          for (const command of commands.splice(0)) await obey(command);
          tell(paused, false);
          if (!news._live()) exchange._rumour(Infinity);
          await pulse._beat();
          await lead(_name, () => exchange._go(globalThis.document?.visibilityState === "hidden"), { signal: life._signal });
          failures = 0;
          paused = null;
          arrived();
        } catch (thrown) {
          const { code } = problemOf(thrown);
          if (code !== paused && code === "claimed_by_other") _events._emit("ownerChanged", { code });
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
