import { SEQ, type Host } from "../host.js";
import type { Pair } from "../codec.js";
import { breathe } from "../pace.js";
import { problemOf } from "../problem.js";
import type { Patience } from "../transport.js";
import type { SettledWrite } from "../types.js";
import { ABSENT, previousOf, printOf, type Acks, type Print, type Row } from "./acks.js";
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
  conflict?: number;
}

/** What a batch of ops was answered with. */
export interface Sent {
  /** What the batch began with; empty where nothing was answered. */
  _begin: string;
  /** The owner's revision after the batch. */
  _revision: number;
  /** Revisions this batch has made. */
  _own: Set<number>;
  /** Conflicts that wait for somebody to decide. */
  _open: number[];
}

const NOTHING: Sent = { _begin: "", _revision: 0, _own: new Set(), _open: [] };
const MOST_OPS = 500;
const MOST_BYTES = 800_000;
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
      await breathe();
      const [key, { _value, _print }] = entry;
      const held = _value === undefined ? undefined : await judge(key, _value);
      if (held) outbox._hold(key, _print, held.rule);
      else free.push(entry);
    }
    return free;
  };

  /** Brings down what the server holds instead; undefined where that may not replace what is here. */
  const bring = async (key: string, sent: Waiting, line: string): Promise<Print | undefined> => {
    const [, theirs] = JSON.parse(line) as Pair;
    const [value, mine] = await place._read(key);
    const print = await printOf(key, theirs);
    if (mine === print) return print;
    return mine === sent._print && place._put(key, theirs, value) === "put" ? print : undefined;
  };

  /** The row an outcome leaves in the table. */
  const rowOf = async ([key, sent]: [string, Waiting], one: OpOutcome): Promise<Row | undefined> => {
    const known = acks._get(key);
    const { outcome, revision, reason, policy, line } = one;
    if (outcome === "refused") {
      outbox._hold(key, sent._print, reason ?? outcome);
      return;
    }
    if (outcome === "conflict" && policy === "INTERACTIVE" && line) {
      outbox._hold(key, sent._print, outcome);
      const [print, previous, at, based] = known ?? [ABSENT, [], 0, 0];
      return [key, [print, previous, at, based, sent._print]];
    }
    // A newer write of this device has been there before.
    if (revision === null) return;
    const print = line === undefined ? sent._print : await bring(key, sent, line);
    // The page has written on: the old base stays, so that the next write is merged as well.
    if (print === undefined) return;
    const previous = [...previousOf(known), ...(line === undefined ? [] : [sent._print])];
    return [key, [print, previous, Date.now(), revision]];
  };

  const take = async (batch: [string, Waiting][], outcomes: OpOutcome[], first: number): Promise<number[]> => {
    const rows: Row[] = [];
    const writes: SettledWrite[] = [];
    const open: number[] = [];
    for (const one of outcomes) {
      const entry = batch[one.seq - first];
      if (!entry) continue;
      const row = await rowOf(entry, one);
      if (row) rows.push(row);
      if (row?.[1]?.[4] && one.conflict !== undefined) open.push(one.conflict);
      const { outcome, revision, reason } = one;
      writes.push({ key: entry[0], outcome, revision, ...(reason && { reason }) });
    }
    await keep(rows);
    settled(writes);
    return open;
  };

  /** What one entry did to its batch: half of it is sent, and half of that, until it stands alone and is held. */
  const narrow = (batch: [string, Waiting][], code: string): void => {
    most = Math.max(1, batch.length >> 1);
    if (batch.length > 1) return;
    const [[key, sent]] = batch as [[string, Waiting]];
    outbox._hold(key, sent._print, code);
    settled([{ key, outcome: "refused", revision: null, reason: code }]);
  };

  /** Sends the next batch; undefined when there is none. */
  return async (patience: Patience, timeline: string, hiding: boolean): Promise<Sent | undefined> => {
    const next = outbox._next(most, MOST_BYTES);
    if (!next.length) return;
    const batch = await judged(next);
    if (!batch.length) return NOTHING;
    const last = await host._store._update<number>(SEQ, (n = 0) => n + batch.length);
    const first = last - batch.length + 1;
    const ops = batch.map(([key, { _value }], i) => ({
      seq: first + i,
      line: JSON.stringify(_value === undefined ? [key] : [key, _value]),
      base: acks._get(key)?.[3] || null,
    }));
    try {
      const _json = { ops, ...(ops.some(({ base }) => base) && { timeline }) };
      const { _body } = await host._net._send("POST", "/records", { _json, _run: patience, _keep: hiding });
      most = MOST_OPS;
      const _own = new Set<number>(_body.outcomes.flatMap((one: OpOutcome) => one.revision ?? []));
      const [key, { _print }] = batch[0]!;
      return { _begin: _print + key, _revision: _body.revision, _own, _open: await take(batch, _body.outcomes, first) };
    } catch (thrown) {
      const { code } = problemOf(thrown);
      if (!ENTRY_CODES.test(code)) throw thrown;
      narrow(batch, code);
      return NOTHING;
    }
  };
};
