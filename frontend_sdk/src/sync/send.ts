import { SEQ, type Host } from "../host.js";
import type { Pair } from "../codec.js";
import { problemOf } from "../problem.js";
import type { Patience } from "../transport.js";
import type { SettledWrite } from "../types.js";
import { printOf, type Acks, type Row } from "./acks.js";
import type { Outbox, Waiting } from "./outbox.js";
import type { Place } from "./place.js";

/** Sending what waits, in batches, and taking the server's word on each write. */

/** What the server says of one op; `line` is what it holds where that is not what was sent. */
interface OpOutcome {
  seq: number;
  outcome: SettledWrite["outcome"];
  revision: number | null;
  reason?: string;
  policy?: string;
  line?: string;
}

/** What a batch of ops was answered with. */
export interface Sent {
  _timeline: string;
  /** The owner's revision after the batch. */
  _revision: number;
  /** Revisions this batch has made. */
  _own: Set<number>;
}

const MOST_OPS = 500;
// As a string inside the request each byte may become two.
const MOST_BYTES = 400_000;
// What one entry alone can cause.
const ENTRY_CODES = /^(too_large|inflate_limit|line_form|sensitive_item|bad_request|invalid\w*|http_4(00|13|22))$/;

export const createSender = (
  host: Host,
  acks: Acks,
  outbox: Outbox,
  place: Place,
  keep: (rows: Row[]) => Promise<void>,
  settled: (writes: SettledWrite[]) => void,
) => {
  let most = MOST_OPS;

  /** Takes what may not leave this browser out of a batch. */
  const judged = async (batch: [string, Waiting][]): Promise<[string, Waiting][]> => {
    const judge = host._judge();
    const free: [string, Waiting][] = [];
    for (const entry of batch) {
      const [key, { _value, _print }] = entry;
      const held = _value === undefined ? undefined : await judge(key, _value);
      if (held) outbox._hold(key, _print, held.rule);
      else free.push(entry);
    }
    return free;
  };

  /** Brings down what the server holds instead; undefined where the page has written on meanwhile. */
  const bring = async (key: string, sent: Waiting, line: string): Promise<Row | undefined> => {
    const [, theirs] = JSON.parse(line) as Pair;
    const [value, mine] = await place._read(key);
    const print = await printOf(key, theirs);
    if (mine !== print && (mine !== sent._print || place._put(key, theirs, value) !== "put")) return;
    return [key, [print, sent._print, Date.now(), 0]];
  };

  const take = async (batch: [string, Waiting][], outcomes: OpOutcome[], first: number): Promise<void> => {
    const rows: Row[] = [];
    const writes: SettledWrite[] = [];
    for (const { seq, outcome, revision, reason, policy, line } of outcomes) {
      const [key, sent] = batch[seq - first] ?? [];
      if (key === undefined || !sent) continue;
      writes.push({ key, outcome, revision, ...(reason && { reason }) });
      if (outcome === "refused" || policy === "INTERACTIVE") {
        outbox._hold(key, sent._print, reason ?? outcome);
        continue;
      }
      const row: Row | undefined = line
        ? await bring(key, sent, line)
        : [key, [sent._print, acks._get(key)?.[0] ?? "", Date.now(), 0]];
      if (row) row[1]![3] = revision ?? acks._get(key)?.[3] ?? 0;
      if (row) rows.push(row);
    }
    await keep(rows);
    settled(writes);
  };

  /** Sends the next batch; undefined when there is none. */
  return async (patience: Patience, hiding: boolean): Promise<Sent | undefined> => {
    const next = outbox._next(most, MOST_BYTES);
    const batch = await judged(next);
    if (!next.length) return;
    const nothing = { _timeline: "", _revision: 0, _own: new Set<number>() };
    if (!batch.length) return nothing;
    const last = await host._store._update<number>(SEQ, (n = 0) => n + batch.length);
    const first = last - batch.length + 1;
    const ops = batch.map(([key, { _value }], i) => ({
      seq: first + i,
      line: JSON.stringify(_value === undefined ? [key] : [key, _value]),
      base: acks._get(key)?.[3] || null,
    }));
    try {
      const { _body } = await host._net._send("POST", "/records", { _json: { ops }, _run: patience, _keep: hiding });
      const { timeline: _timeline, revision: _revision, outcomes } = _body;
      await take(batch, outcomes, first);
      most = MOST_OPS;
      return { _timeline, _revision, _own: new Set(outcomes.flatMap((one: OpOutcome) => one.revision ?? [])) };
    } catch (thrown) {
      const { code } = problemOf(thrown);
      if (!ENTRY_CODES.test(code)) throw thrown;
      // Half of them, and half of those, until the one is found that the server cannot take.
      most = batch.length >> 1;
      if (most) return nothing;
      most = 1;
      const [[key, sent]] = batch as [[string, Waiting]];
      outbox._hold(key, sent._print, code);
      settled([{ key, outcome: "refused", revision: null, reason: code }]);
      return nothing;
    }
  };
};
