import { CLAIM, FENCE, type Host } from "../host.js";
import { problem } from "../problem.js";
import type { Patience } from "../transport.js";
import type { AdoptionChoice, SettledWrite } from "../types.js";
import type { Acks, Row } from "./acks.js";
import type { Outbox } from "./outbox.js";
import type { Place } from "./place.js";
import { createReceiver, POSITION, type Position, type Receive } from "./receive.js";
import { createSender } from "./send.js";

/** What dual write stands on in the leading tab. Handed on where something rare has to be done about it. */
export interface Standing {
  _host: Host;
  _acks: Acks;
  _outbox: Outbox;
  _place: Place;
  _keep(rows: Row[]): Promise<void>;
  _settled(writes: SettledWrite[]): void;
  /** How far down this browser is, and the keeping of it. */
  _position: Position;
  _keepPosition(): Promise<unknown>;
  /** The owner's records have this revision, or nobody knows. */
  _rumour(revision: number): void;
  /** An exchange is wanted soon. */
  _kick(): void;
  /** Takes every change there is. */
  _receive: Receive;
  /** What the page said about data that was first seen under another account. */
  _choice?: AdoptionChoice;
}

/** What the leading tab does with the server: what waits goes up, what is new comes down. */
export interface Exchange {
  _standing: Standing;
  /** One round, under the lock. */
  _go(): Promise<void>;
}

export interface Parts
  extends Pick<Standing, "_host" | "_acks" | "_outbox" | "_place" | "_keep" | "_settled" | "_kick"> {
  /** Aborted when dual write ends. */
  _signal: AbortSignal;
}

export const createExchange = async (parts: Parts): Promise<Exchange> => {
  const { _host: host, _outbox: outbox } = parts;
  const { _store, _options } = host;
  const position: Position = { cursor: 0, timeline: "", ...(await _store._get<Position>(POSITION)) };
  let rumoured = Infinity;
  let fence = 0;

  const standing = {
    ...parts,
    _position: position,
    _keepPosition: () => _store._update<Position>(POSITION, () => position),
    _rumour: (revision: number) => (rumoured = Math.max(rumoured, revision)),
  } as Omit<Standing, "_receive"> as Standing;
  const receive = (standing._receive = createReceiver(standing));
  const send = createSender(standing);

  const patience: Patience = {
    get _stopped() {
      return parts._signal.aborted;
    },
    _tries: _options.maxRetries ?? 3,
    _waiting(reason) {
      // Nothing waits while it holds the lock: the next exchange tries again.
      if (reason) throw problem(reason === "auth" ? "unauthenticated" : "unavailable");
    },
    async _claim(subject) {
      if (position.subject !== subject || (await _store._get<string>(CLAIM)) !== subject)
        await (await host._engine())._claim(standing, subject);
    },
  };

  const sendAll = async (): Promise<void> => {
    const begun = new Set<string>();
    for (;;) {
      await outbox._look();
      const sent = await send(patience);
      // What was answered and still waits is for the next exchange: in this one it would go round for ever.
      if (!sent || (sent._begin && begun.has(sent._begin))) return;
      begun.add(sent._begin);
      // Without gaps between them all revisions since the last look are our own.
      const own = new Set(sent._made.filter((revision) => revision! > position.cursor));
      if (position.cursor + own.size === sent._revision) {
        position.cursor = sent._revision;
        await standing._keepPosition();
      } else if (sent._revision) rumoured = Infinity;
    }
  };

  return {
    _standing: standing,
    async _go() {
      // Without locks the run of this very page would lose its fence to us.
      if (globalThis.navigator?.onLine === false) throw problem("offline");
      if (host._moving() && !globalThis.navigator?.locks) throw problem("busy");
      if (fence !== (await _store._get<number>(FENCE)))
        fence = patience._fence = await _store._update<number>(FENCE, (last = 0) => last + 1);
      await host._connect(patience);
      const { stages, timeline } = host._config();
      if (stages.every(({ stage }) => stage === "off")) throw problem("dual_write_off");
      position.timeline ||= timeline;
      // Where nothing is acknowledged yet, looking first spares sending what a run has moved; and the timeline is kept
      // before anything is: acks without one would pass for acks of any.
      if (position.cursor) await sendAll();
      else await standing._keepPosition();
      do {
        if (rumoured > position.cursor) {
          rumoured = 0;
          await receive(patience);
        }
        await sendAll();
      } while (rumoured > position.cursor);
    },
  };
};
