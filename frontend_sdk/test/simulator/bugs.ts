import type { Sabotage } from "./browser/sdk.js";
import type { ServerGaps } from "./model/server.js";

/** Bugs that others have had, put in on purpose: the simulator must notice every one of them. */

export interface Bug {
  /** One function of the SDK, replaced. */
  sabotage?: Sabotage;
  /** What the server leaves out. */
  gaps?: ServerGaps;
}

export const BUGS = {
  "ack-before-commit": { gaps: { ackBeforeCommit: true } },
  "no-dedupe": { gaps: { noDedupe: true } },
  "no-fence": { gaps: { noFence: true } },
  "stale-epoch-accepted": { gaps: { staleEpoch: true } },
  "old-chunk-over-newer-op": { gaps: { oldChunks: true } },
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
} satisfies Record<string, Bug>;

export type BugName = keyof typeof BUGS;
