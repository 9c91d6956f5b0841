import { lead } from "../leader.js";
import { now } from "../pace.js";
import { problemOf } from "../problem.js";
import { backoff } from "../retry.js";
import type { Row } from "./acks.js";
import { beacon } from "./beacon.js";
import type { Command } from "./commands.js";
import { createExchange, type Parts } from "./exchange.js";
import { hearNews } from "./news.js";
import { createPulse, type Pulse } from "./pulse.js";

/** What the leading tab does for as long as it lives: exchange after exchange. */

export interface Leading {
  _obey(command: Command): void;
  _rest: Pulse["_rest"];
  _loop(
    tell: (paused: string | null, exchanged: boolean) => void,
    pause: (ms: number) => Promise<void>,
    idle: () => Promise<void>,
  ): Promise<void>;
}

// The server is another one than it was, or does not remember as far back.
const FORGOTTEN = /timeline|cursor/;
const OFF = /dual_write_off|wrong_state/;
const MOST_MS = 30_000;
const OFF_MS = 60_000;
const SYNC_MS = 15_000;
// So many times the usual pause a socket that speaks is believed: it says what is written, not what was restored.
const BELIEVED = 4;
const BEACON_MS = 300_000;

export const exchanging = async (parts: Parts): Promise<Leading> => {
  const { _host: host, _acks: acks, _outbox: outbox, _kick: kick, _signal: signal } = parts;
  const { _store, _events, _name, _options } = host;
  const pulse = createPulse(_store);
  const commands: Command[] = [];
  let recovered = false;
  let forgotten: string | undefined;

  const exchange = await createExchange(parts);
  const standing = exchange._standing;

  /** Who was seen to write a former value back has written it. */
  const witness = async (): Promise<void> => {
    const rows: Row[] = [];
    for (const [key, { _print }] of outbox._waiting) {
      const known = acks._get(key);
      if (known?.[1].delete(_print)) rows.push([key, known]);
    }
    await parts._keep(rows);
  };

  /** What a browser that died lost of the storage comes down again; until that is known nothing is sent. */
  const recover = async (): Promise<void> => {
    const alive = !recovered && (await pulse._died());
    if (alive) await (await host._engine())._recover(standing, alive);
    recovered = true;
  };

  /** Between two exchanges, so that none sees half of it. */
  const obey = async (): Promise<void> => {
    for (; commands[0]; commands.shift()) await (await host._engine())._obey(standing, commands[0]);
  };

  const exchangeOnce = async (): Promise<void> => {
    if (forgotten) await (await host._engine())._relearn(standing, forgotten);
    forgotten = undefined;
    await exchange._go();
  };

  /** How long to wait after an exchange that failed. */
  const patience = async (code: string, failures: number): Promise<number> => {
    const off = OFF.test(code);
    if (FORGOTTEN.test(code)) forgotten = code;
    if (off || forgotten) await host._connect(undefined, true).catch(problemOf);
    if (off) return _options.healthCheckInterval ?? OFF_MS;
    return code === "cancelled" ? 0 : Math.min(_options.retryDelay ?? MOST_MS, backoff(failures));
  };

  return {
    _rest: pulse._rest,
    _obey(command) {
      commands.push(command);
      kick();
    },
    async _loop(tell, pause, idle) {
      const told = (revision: number) => {
        standing._rumour(revision);
        kick();
      };
      const live = hearNews(standing, told, signal);
      let paused: string | null = "not_ready";
      let believed = 0;
      let beaconed = 0;
      for (let failures = 0; !signal.aborted; ) {
        try {
          await recover();
          await outbox._look();
          await witness();
          await obey();
          tell(paused, false);
          if (!live() || now() > believed) {
            standing._rumour(Infinity);
            believed = now() + BELIEVED * (_options.syncInterval ?? SYNC_MS);
          }
          await pulse._beat();
          await lead(_name, exchangeOnce, { signal });
          failures = 0;
          paused = null;
          if (now() > beaconed) {
            beaconed = now() + BEACON_MS;
            const _json = { outbox: beacon(host._view!._pending()) };
            host._net._send("POST", "/comparisons", { _json, _needless: () => signal.aborted }).catch(problemOf);
          }
        } catch (thrown) {
          const { code, _body } = problemOf(thrown);
          if (code !== paused && code === "claimed_by_other") _events._emit("ownerChanged", { code, from: _body.from });
          paused = code;
          failures++;
          // Once a server is back it is not told by everybody at once.
          beaconed = now() + BEACON_MS * Math.random();
        }
        if (signal.aborted) return;
        tell(paused, !paused);
        if (paused) await pause(await patience(paused, failures));
        else await idle();
      }
    },
  };
};
