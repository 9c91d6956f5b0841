import type { HardshipName } from "./hardships.js";
import type { Often } from "./schedule.js";
import type { Sabotage } from "./browser/sdk.js";
import type { ServerGaps } from "./model/wire.js";

/** Bugs that others have had, put in on purpose: the simulator must notice every one of them. */

export interface Bug {
  /** One function of the SDK, replaced. */
  sabotage?: Sabotage;
  /** What the server leaves out. */
  gaps?: ServerGaps;
  /** What has to happen more often for it to show, where that is rare. */
  often?: Often;
  /** What its worlds suffer from, where only that shows it. */
  hardship?: HardshipName;
}

/** What has nothing to do with the main road stays away. */
const IN_ONE_STAGE: Often = Object.fromEntries(
  "raise lower off flip panic raiseEpoch rollBack rollBackToPoint undo read readAll compare".split(" ").map((name) => [name, 0]),
);

export const BUGS = {
  "ack-before-commit": { gaps: { ackBeforeCommit: true } },
  "no-dedupe": { gaps: { noDedupe: true }, often: { ...IN_ONE_STAGE, write: 4, down: 0, offline: 0, restore: 0, signOut: 0, signInOther: 0 } },
  "no-fence": { gaps: { noFence: true }, hardship: "lockless" },
  "stale-epoch-accepted": { gaps: { staleEpoch: true } },
  "old-chunk-over-newer-op": { gaps: { oldChunks: true }, often: { ...IN_ONE_STAGE, move: 3 } },
  "empty-means-deleted": { sabotage: { module: "cargo", name: "isMassLoss", instead: "() => false" } },
  "owner-mix-up": { sabotage: { module: "tokens", name: "subjectOf", instead: `() => "everybody"` } },
  "torn-write-sent": { sabotage: { module: "sync/torn", name: "recover", instead: "async () => {}" } },
  "acknowledged-before-storage": {
    sabotage: {
      module: "sync/place",
      name: "createPlace",
      // It says that a value stands when it does not yet.
      instead: `(area, echo) => {
        const place = real(area, echo);
        return { ...place, _put(...given) { setTimeout(() => place._put(...given), 30); return "put"; } };
      }`,
    },
  },
  // Seen where operators change their minds most: by the harness.
  "unsteady-buckets": { gaps: { unsteadyBuckets: true } },
  "step-back-without-epoch": { gaps: { steadyEpoch: true } },
  "served-without-receipt": { gaps: { anyDevice: true } },
  // The server says that the epoch has risen, and whoever asked takes that for an answer.
  "stale-write-dropped": {
    sabotage: {
      module: "transport",
      name: "createTransport",
      instead: `(line) => real({ ...line, _options: { ...line._options, fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (answer.status !== 409 || !/records$/.test(url)) return answer;
        const { ops } = JSON.parse(init.body ?? '{"ops":[]}');
        const { code, config } = JSON.parse(await answer.text());
        if (code !== "stale_epoch") return answer;
        line._adopt(config);
        const outcomes = ops.map(({ seq }) => ({ seq, outcome: "accepted", revision: 1 }));
        const told = { timeline: config.timeline, revision: 1, until: 0, more: false, changes: [], outcomes };
        return { ...answer, status: 200, ok: true, text: async () => JSON.stringify(told) };
      } } })`,
    },
  },
  "rollback-applied": {
    often: { rollBack: 10, rollBackToPoint: 10, move: 3, putOn: 3 },
    sabotage: {
      module: "transport",
      name: "createTransport",
      // Nobody tells what has come of a rollback.
      instead: `(line) => {
        const net = real(line);
        const send = async (...given) => {
          const answer = await net._send(...given);
          for (const change of answer._body.changes ?? []) change.cause = "op";
          return answer;
        };
        return { ...net, _send: send };
      }`,
    },
  },
  // A read is answered by the server although this page's own write is not there yet.
  "pending-write-hidden": {
    sabotage: {
      module: "cutover/reading",
      name: "createReading",
      instead: `(base, shadow) => {
        const reading = real(base, shadow);
        return { ...reading, async get(key) {
          const answer = await reading.get(key);
          if (answer.reason !== "pending") return answer;
          const { _net } = await base._open();
          const { _body } = await _net._send("POST", "/records/read", { _json: { keys: [JSON.stringify(key)] } });
          return { ok: true, value: JSON.parse(_body.records[0].line)[1] ?? null, from: "server" };
        } };
      }`,
    },
  },
  // A page writes under the newest epoch an answer named, whatever config it holds.
  "epoch-without-its-config": {
    sabotage: {
      module: "transport",
      name: "createTransport",
      instead: `(line) => {
        let epoch;
        const fetched = async (url, init) => {
          if (epoch && init.headers["Migration-Epoch"]) init.headers["Migration-Epoch"] = epoch;
          else delete init.headers["Migration-Epoch"];
          const answer = await fetch(url, init);
          epoch = answer.headers.get("Migration-Epoch") ?? epoch;
          return answer;
        };
        return real({ ...line, _options: { ...line._options, fetch: fetched } });
      }`,
    },
  },
} satisfies Record<string, Bug>;

export type BugName = keyof typeof BUGS;
