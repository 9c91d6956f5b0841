import { problemOf } from "../problem.js";
import type { Pair } from "../codec.js";
import { ABSENT, ackOf, overtaken, printOf, type Print, type Row } from "./acks.js";
import { askPage } from "./conflicts.js";
import type { Standing } from "./exchange.js";
import type { Waiting } from "./outbox.js";
import type { OpOutcome } from "./send.js";

/** What the server decided otherwise than the page had written: refused, merged, or in conflict. */

/** Brings down what the server holds instead; undefined where that may not replace what is here. */
const bring = async ({ _place: place }: Standing, key: string, sent: Waiting, line: string): Promise<Print | undefined> => {
  const [, theirs] = JSON.parse(line) as Pair;
  const [value, mine] = await place._read(key);
  const print = await printOf(theirs);
  if (mine === print) return print;
  return mine === sent._print && place._put(key, theirs, value) === "put" ? print : undefined;
};

/** The row an outcome leaves in the table. */
const rowOf = async (standing: Standing, [key, sent]: [string, Waiting], one: OpOutcome): Promise<Row | undefined> => {
  const { _acks: acks, _outbox: outbox } = standing;
  const known = acks._get(key);
  const { outcome, revision, reason, policy, line } = one;
  if (outcome === "refused") {
    outbox._hold(key, sent._print, reason ?? outcome);
    return;
  }
  if (outcome === "conflict" && policy === "INTERACTIVE" && line) {
    outbox._hold(key, sent._print, outcome);
    const [print, previous, at, based] = known ?? [ABSENT, new Map(), 0, 0];
    return [key, [print, previous, at, based, sent._print]];
  }
  if (revision === null) return;
  const print = line === undefined ? sent._print : await bring(standing, key, sent, line);
  // The page has written on: the old base stays, so that the next write is merged as well.
  if (print === undefined) return [key, overtaken(known)];
  const row = ackOf(known, print, revision);
  if (line !== undefined) row[1].set(sent._print, row[2]);
  return [key, row];
};

/** The rows outcomes leave in the table; where somebody has to decide, the page is asked. */
export const rowsOf = async (
  standing: Standing,
  answered: [entry: [string, Waiting], outcome: OpOutcome][],
): Promise<Row[]> => {
  const rows: Row[] = [];
  const open: number[] = [];
  for (const [entry, one] of answered) {
    const row = await rowOf(standing, entry, one);
    if (row) rows.push(row);
    if (row?.[1]?.[4] && one.conflict !== undefined) open.push(one.conflict);
  }
  // Not waited for, since somebody is asked. Still open: it is listed, and asked again at its next write.
  if (open[0]) void askPage(standing, open).catch(problemOf);
  return rows;
};
