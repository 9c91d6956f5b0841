import { CLAIM, FENCE, type Host } from "../host.js";
import { problem } from "../problem.js";
import type { Patience } from "../transport.js";
import type { SettledWrite } from "../types.js";
import { ABSENT, type Acks, type Row } from "./acks.js";
import type { Outbox } from "./outbox.js";
import type { Place } from "./place.js";
import { createReceiver, POSITION, type Position } from "./receive.js";
import { createSender } from "./send.js";

/** What the leading tab does with the server: what waits goes up, what is new comes down. */
export interface Exchange {
  /** One round, under the lock. */
  _go(hiding: boolean): Promise<void>;
  /** The owner's records have this revision, or nobody knows. */
  _rumour(revision: number): void;
  /** Begins from nothing: what is acknowledged is learned anew, and absence means nothing. */
  _anew(): Promise<void>;
  /** Takes rows back to an earlier word of the server's; what it says since then comes down again. */
  _recall(rows: Row[]): Promise<void>;
  /** The present account may have what was first seen under another one. */
  _takeOver(): void;
}

export interface Parts {
  _host: Host;
  _acks: Acks;
  _outbox: Outbox;
  _place: Place;
  _keep(rows: Row[]): Promise<void>;
  _settled(writes: SettledWrite[]): void;
  /** Told of conflicts somebody has to decide; not waited for, since that may take long. */
  _disputed(ids: number[]): void;
  _isStopped(): boolean;
}

export const createExchange = async (parts: Parts): Promise<Exchange> => {
  const { _host: host, _acks: acks, _outbox: outbox, _place: place, _keep: keep } = parts;
  const { _store, _options } = host;
  const position: Position = { cursor: 0, timeline: "", ...(await _store._get<Position>(POSITION)) };
  let rumoured = Infinity;
  let fence = 0;
  let takesOver = false;

  const keepPosition = () => _store._update<Position>(POSITION, () => position);

  const anew = async (timeline = ""): Promise<void> => {
    Object.assign(position, { cursor: 0, timeline });
    rumoured = Infinity;
    await acks._drop();
    outbox._doubt(null);
    await keepPosition();
  };

  /** A guest's data goes over to the account the guest becomes, where the page wants that; an account's to nobody else. */
  const claimable = (before: string | undefined, subject: string): boolean =>
    before === undefined ||
    before === subject ||
    takesOver ||
    (!before && (_options.guestAdoption ?? "adopt") === "adopt");

  const patience: Patience = {
    get _stopped() {
      return parts._isStopped();
    },
    _tries: _options.maxRetries ?? 3,
    _waiting(reason) {
      // Nothing waits while it holds the lock: the next exchange tries again.
      if (reason) throw problem(reason === "auth" ? "unauthenticated" : "unavailable");
    },
    async _claim(subject) {
      const claimed = await _store._update<string>(CLAIM, (old) => (claimable(old, subject) ? subject : old!));
      if (claimed !== subject) throw problem("claimed_by_other");
      takesOver = false;
      const before = position.subject;
      position.subject = subject;
      if (before === undefined || before === subject) return;
      // What is acknowledged to one account says nothing about another.
      await anew(position.timeline);
      throw problem("cancelled");
    },
  };

  const send = createSender(host, acks, outbox, place, keep, parts._settled);
  const receive = createReceiver(host, acks, outbox, place, keep);

  const sendAll = async (hiding: boolean): Promise<void> => {
    const begun = new Set<string>();
    for (;;) {
      await outbox._look();
      const sent = await send(patience, position.timeline, hiding);
      // What was answered and still waits is for the next exchange: in this one it would go round for ever.
      if (!sent || (sent._begin && begun.has(sent._begin))) return;
      begun.add(sent._begin);
      // Without gaps between them all revisions since the last look are our own.
      const own = [...sent._own].filter((revision) => revision > position.cursor);
      if (position.cursor + own.length === sent._revision) {
        position.cursor = sent._revision;
        await keepPosition();
      } else if (sent._revision) rumoured = Infinity;
      if (sent._open.length) parts._disputed(sent._open);
    }
  };

  return {
    _anew: () => anew(),
    _rumour: (revision) => void (rumoured = Math.max(rumoured, revision)),
    _takeOver: () => void (takesOver = true),
    async _recall(rows) {
      if (!rows.length) return;
      position.cursor = Math.max(0, Math.min(position.cursor, ...rows.map(([, ack]) => ack?.[3] ?? 0)));
      rumoured = Infinity;
      // First where to look again, then what for: a crash in between only looks once too often.
      await keepPosition();
      await keep(rows);
    },
    async _go(hiding) {
      // Without locks the run of this very page would lose its fence to us.
      if (globalThis.navigator?.onLine === false) throw problem("offline");
      if (host._moving() && !globalThis.navigator?.locks) throw problem("busy");
      if (!fence || fence !== (await _store._get<number>(FENCE)))
        fence = patience._fence = await _store._update<number>(FENCE, (last = 0) => last + 1);
      await host._connect(patience);
      const { stage, timeline } = host._config();
      if (stage === "off") throw problem("dual_write_off");
      position.timeline ||= timeline;
      // Where nothing is acknowledged yet, looking first spares sending what a run has moved.
      if (position.cursor) await sendAll(hiding);
      do {
        if (rumoured > position.cursor) {
          rumoured = 0;
          await receive(patience, position, keepPosition);
        }
        await sendAll(hiding);
      } while (rumoured > position.cursor);
    },
  };
};

/** Rows that make missing keys come down again. */
export const asNeverHeld = (keys: string[]): Row[] => keys.map((key) => [key, [ABSENT, [], 0, 0]]);
