import type { Pair } from "../codec.js";
import type { Cutover } from "../cutover.js";
import { breathe } from "../pace.js";
import type { Patience } from "../transport.js";
import { ABSENT, ackOf, overtaken, printOf, type Row } from "./acks.js";
import type { Standing } from "./exchange.js";

/** Coming down: the server's changes since the last look, put where nobody has written since the last ack. */

interface Change {
  line: string;
  revision: number;
  /** Last written by this device. */
  own: boolean;
  cause?: string;
}

/** How far down this browser is. The table beside it holds for this account and this life of the database alone. */
export interface Position {
  cursor: number;
  timeline: string;
  subject?: string;
  /** There was no room for all that came down. */
  full?: boolean;
}

/** `forgetful`: changes are wanted although the server has forgotten deletions since; those are found otherwise. */
export type Receive = (patience?: Patience, forgetful?: boolean) => Promise<void>;

export const POSITION = "position";

export const createReceiver = (standing: Standing): Receive => {
  const { _host: host, _acks: acks, _outbox: outbox, _place: place, _position: position } = standing;

  /** The row a change leaves in the table; none where it is known or passed over, or there is no room. */
  const apply = async ({ line, revision, own, cause }: Change, cutover?: Cutover): Promise<Row | undefined | "full"> => {
    const [key, theirs] = JSON.parse(line) as Pair;
    const known = acks._get(key);
    if ((known && known[3] >= revision) || cutover?._pass(key, revision)) return;
    const print = await printOf(theirs);
    for (;;) {
      const [value, mine] = await place._read(key);
      const row: Row = [key, ackOf(known, print, revision)];
      outbox._doubt(key);
      if (mine === print) return row;
      const decided = cause === "resolution" && outbox._held.get(key)?.[0] === mine;
      // A rollback is no wish to change what a browser has and reads; what is newer here than our own last word is sent.
      const unsent = mine !== (known?.[0] ?? ABSENT);
      if ((cause === "rollback" && (mine || known) && !cutover?._serves(key)) || (own && unsent)) return row;
      // A page that goes back to what it had would else be taken for one that has the newer word.
      if (unsent && !decided) return [key, overtaken(known)];
      const putting = place._put(key, theirs, value);
      if (putting !== "moved") return putting === "put" ? row : putting;
    }
  };

  return async (patience, forgetful) => {
    let since = position.cursor;
    position.full = false;
    for (;;) {
      const query = `since=${since}&timeline=${position.timeline}${forgetful ? "&forgetful=1" : ""}`;
      const { _body } = await host._net._send("GET", "/records?" + query, { _run: patience });
      // What holds now may be another than before the question.
      const cutover = await host._cutover();
      const rows: Row[] = [];
      for (const change of _body.changes as Change[]) {
        await breathe();
        const row = await apply(change, cutover);
        if (row === "full") position.full = true;
        else if (row) rows.push(row);
      }
      await standing._keep(rows);
      since = _body.until;
      // What found no room is asked for again.
      if (!position.full) position.cursor = since;
      await standing._keepPosition();
      if (!_body.more) return;
    }
  };
};
