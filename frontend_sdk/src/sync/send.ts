import { SEQ } from "../host.js";
import { breathe } from "../pace.js";
import { problemOf } from "../problem.js";
import type { Patience } from "../transport.js";
import type { SettledWrite } from "../types.js";
import { ackOf, type Row } from "./acks.js";
import type { Standing } from "./exchange.js";
import type { Waiting } from "./outbox.js";

/** Sending what waits, in batches, and taking the server's word on each write. */

/** What the server says of one op; `line` is what it holds where that is not what was sent. */
export interface OpOutcome {
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
  /** Revisions the writes of this batch stand at. */
  _made: (number | null)[];
}

const NOTHING: Sent = { _begin: "", _revision: 0, _made: [] };
const MOST_OPS = 500;
// The server counts the characters of lines, escapes included.
const MOST_BYTES = 600_000;
// What one entry alone can cause.
const ENTRY_STATUSES = [400, 413, 422];

export const createSender = (standing: Standing) => {
  const { _host: host, _acks: acks, _outbox: outbox } = standing;
  let most = MOST_OPS;

  /** Takes what may not leave this browser out of a batch. */
  const judged = async (batch: [string, Waiting][]): Promise<[string, Waiting][]> => {
    const judge = host._judge();
    const cutover = await host._cutover();
    const free: [string, Waiting][] = [];
    let unjudged: unknown;
    for (const entry of batch) {
      await breathe();
      const [key, { _value, _print }] = entry;
      try {
        const rule = cutover?._pass(key) ?? (_value !== undefined && (await judge(key, _value))?.rule);
        if (rule) outbox._hold(key, _print, rule);
        else free.push(entry);
      } catch (thrown) {
        // The rules could not be fetched: what might be a secret waits, and nothing else does.
        unjudged = thrown;
      }
    }
    if (unjudged && !free.length) throw unjudged;
    return free;
  };

  const take = async (batch: [string, Waiting][], outcomes: OpOutcome[], first: number): Promise<void> => {
    const rows: Row[] = [];
    const writes: SettledWrite[] = [];
    const rest: [entry: [string, Waiting], outcome: OpOutcome][] = [];
    for (const one of outcomes) {
      const entry = batch[one.seq - first];
      if (!entry) continue;
      const [key, { _print }] = entry;
      const { outcome, revision, reason, line } = one;
      // Without a revision a newer write of this device has been there before.
      if (outcome === "accepted" && line === undefined) {
        if (revision !== null) rows.push([key, ackOf(acks._get(key), _print, revision)]);
      } else rest.push([entry, one]);
      writes.push({ key, outcome, revision, reason });
    }
    if (rest[0]) rows.push(...(await (await host._engine())._rowsOf(standing, rest)));
    await standing._keep(rows);
    standing._settled(writes);
  };

  /** Sends the next batch; undefined when there is none. */
  return async (patience: Patience): Promise<Sent | undefined> => {
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
      const _json = {
        ops,
        timeline: standing._position.timeline,
        confirmed: outbox._meant.size > 0,
      };
      const _keep = globalThis.document?.visibilityState === "hidden";
      const { _body } = await host._net._send("POST", "/records", { _json, _run: patience, _keep });
      most = MOST_OPS;
      const outcomes: OpOutcome[] = _body.outcomes;
      await take(batch, outcomes, first);
      const [key, { _print }] = batch[0]!;
      return { _begin: _print + key, _revision: _body.revision, _made: outcomes.map(({ revision }) => revision) };
    } catch (thrown) {
      const { code, _status } = problemOf(thrown);
      if (!ENTRY_STATUSES.includes(_status!)) throw thrown;
      // What one entry did to its batch: half of it is sent, and half of that, until it stands alone and is held.
      most = batch.length >> 1 || 1;
      if (!batch[1]) await take(batch, [{ seq: first, outcome: "refused", revision: null, reason: code }], first);
      return NOTHING;
    }
  };
};
