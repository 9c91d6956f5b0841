import type { Cargo } from "./cargo.js";
import { chunkHeaders, createTarget, cut, pack } from "./chunks.js";
import { SEQ, type Host } from "./host.js";
import { now } from "./pace.js";
import { problem, problemOf } from "./problem.js";
import { retryAfter } from "./retry.js";
import type { Entry } from "./table.js";
import type { Answer, Patience } from "./transport.js";
import type { StartOptions } from "./types.js";

/** Sends lines in chunks and deals with every way the server may refuse one. */
export interface Uploader {
  _send(runId: string, entries: Entry[]): Promise<void>;
  /** Withholds what the server's secret scan named; true if it named anything of ours. */
  _withhold(items: { key: string; rule: string }[]): void;
  /** Takes the pause an answer asks for before the next chunk. */
  _heed(answer: Answer): void;
  _seq(): Promise<number>;
  _batch(): number;
  _target(): number;
}

const LANES = 2;
const DAMAGED_TRIES = 3;
// What one line alone can cause: the chunk is halved until the line is found.
const LINE_CODES = /^(too_large|inflate_limit|line_form|entry_count)$/;
const DAMAGE_CODES = /^(checksum_mismatch|encoding_invalid|idempotency_mismatch)$/;

export const createUploader = (
  host: Host,
  cargo: Cargo,
  start: StartOptions,
  patience: Patience,
  hold: () => Promise<void>,
): Uploader => {
  const { _net, _progress, _sleep, _store } = host;
  const { limits } = host._config();
  const target = createTarget();
  const seq = () => _store._update<number>(SEQ, (last = 0) => last + 1);
  const batch = () => Math.min(start.batchSize || Infinity, limits.chunk_entries);

  let restsUntil = 0;

  // Never earlier than asked, and spread: the server says the same to many.
  const heed: Uploader["_heed"] = ({ _headers }) => {
    const pause = retryAfter(_headers.get("Backoff"));
    if (pause) restsUntil = Math.max(restsUntil, now() + pause * (1 + Math.random() / 2));
  };

  const rest = async (): Promise<void> => {
    while (now() < restsUntil && !patience._stopped) {
      patience._waiting("server");
      await _sleep(restsUntil - now());
    }
  };

  const refuse = (entry: Entry, code: string) => {
    cargo._drop(entry);
    cargo._refused.set(entry._key, code);
    _progress._error(code, code, entry._key);
    if (start.continueOnError === false) throw problem("entry_refused", { detail: code });
  };

  const withhold: Uploader["_withhold"] = (items) => {
    for (const item of items) {
      const key = JSON.parse(item.key);
      const entry = cargo._table.get(key);
      if (entry) cargo._drop(entry);
      cargo._withheld.set(key, { key, rule: item.rule, why: "server" });
    }
  };

  const put = async (runId: string, [entries, reason]: ReturnType<typeof cut>, tries = 0): Promise<void> => {
    const [first] = entries;
    if (!first) return;
    if (first._size > limits.single_entry_bytes) return refuse(first, "too_large");
    await rest();
    await hold();
    const chunk = await pack(entries);
    try {
      const _headers = chunkHeaders(chunk, await seq(), reason);
      // What the other lane was asked for meanwhile.
      await rest();
      const began = now();
      const _raw = chunk._data;
      heed(await _net._send("PUT", `/runs/${runId}/chunks/${chunk._id}`, { _raw, _headers, _run: patience }));
      target._learn(now() - began, chunk._size);
    } catch (thrown) {
      const { code, _body } = problemOf(thrown);
      if (code === "sensitive_item" && _body.items?.length) {
        withhold(_body.items);
        await put(runId, [entries.filter((entry) => cargo._table.get(entry._key) === entry), "withheld"]);
      } else if (LINE_CODES.test(code)) {
        if (entries.length < 2) return refuse(first, code);
        const half = entries.length >> 1;
        await put(runId, [entries.slice(0, half), "halved"]);
        await put(runId, [entries.slice(half), "halved"]);
      } else if (DAMAGE_CODES.test(code) && tries < DAMAGED_TRIES) await put(runId, [entries, reason], tries + 1);
      else throw thrown;
    }
  };

  return {
    _seq: seq,
    _batch: batch,
    _target: target._size,
    _withhold: withhold,
    _heed: heed,
    async _send(runId, entries) {
      const queue = [...entries];
      const lane = async () => {
        try {
          while (queue.length) await put(runId, cut(queue, target._size(), batch()));
        } catch (thrown) {
          // The other lane must not go on with a run that failed.
          queue.length = 0;
          throw thrown;
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    },
  };
};
