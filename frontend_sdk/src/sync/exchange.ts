import { CLAIM, FENCE, type Host } from "../host.js";
import { problem } from "../problem.js";
import type { Patience } from "../transport.js";
import type { SettledWrite } from "../types.js";
import type { Acks, Row } from "./acks.js";
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
}

interface Parts {
  _host: Host;
  _acks: Acks;
  _outbox: Outbox;
  _place: Place;
  _keep(rows: Row[]): Promise<void>;
  _settled(writes: SettledWrite[]): void;
  _isStopped(): boolean;
}

export const createExchange = async (parts: Parts): Promise<Exchange> => {
  const { _host: host, _acks: acks, _outbox: outbox, _place: place, _keep: keep } = parts;
  const { _store, _options } = host;
  const position: Position = { cursor: 0, timeline: "", ...(await _store._get<Position>(POSITION)) };
  let rumoured = Infinity;
  let fence = 0;

  const keepPosition = () => _store._update<Position>(POSITION, () => position);

  const anew = async (timeline = ""): Promise<void> => {
    Object.assign(position, { cursor: 0, timeline });
    rumoured = Infinity;
    await acks._drop();
    outbox._doubt(null);
    await keepPosition();
  };

  const patience: Patience = {
    get _stopped() {
      return parts._isStopped();
    },
    _tries: _options.maxRetries ?? 3,
    _waiting(reason) {
      // Nothing waits while it holds the lock: the next exchange tries again.
      if (reason) throw problem(reason === "auth" ? "unauthenticated" : reason === "offline" ? reason : "unavailable");
    },
    async _claim(subject) {
      const claimed = await _store._update<string>(CLAIM, (old) => old || subject);
      if (claimed !== subject) throw problem("claimed_by_other");
      const before = position.subject;
      position.subject = subject;
      if (before === undefined || before === subject) return;
      // The guest has become an account: what is acknowledged there is another matter.
      await anew(position.timeline);
      throw problem("cancelled");
    },
  };

  const send = createSender(host, acks, outbox, place, keep, parts._settled);
  const receive = createReceiver(host, acks, outbox, place, keep);

  const sendAll = async (hiding: boolean): Promise<void> => {
    for (;;) {
      await outbox._look();
      const sent = await send(patience, hiding);
      if (!sent) return;
      // Without gaps between them all revisions since the last look are our own.
      const own = [...sent._own].filter((revision) => revision > position.cursor);
      if (position.cursor + own.length === sent._revision) {
        position.cursor = sent._revision;
        await keepPosition();
      } else if (sent._revision) rumoured = Infinity;
    }
  };

  return {
    _anew: () => anew(),
    _rumour: (revision) => void (rumoured = Math.max(rumoured, revision)),
    async _go(hiding) {
      if (!fence || fence !== (await _store._get<number>(FENCE)))
        fence = patience._fence = await _store._update<number>(FENCE, (last = 0) => last + 1);
      await host._connect(patience);
      const { stage, timeline } = host._config();
      if (stage === "off") throw problem("dual_write_off");
      position.timeline ||= timeline;
      await sendAll(hiding);
      if (rumoured <= position.cursor) return;
      rumoured = 0;
      await receive(patience, position, keepPosition);
      await sendAll(hiding);
    },
  };
};
