import type {
  Backup,
  MigrationClient,
  MigrationPlan,
  MigrationStatus,
  NeedCheck,
  Progress,
  Receipt,
  Refusal,
  Rollback,
  RollbackPreview,
  RunSnapshot,
  WithheldEntry,
  Blocker,
} from "../types.js";

/** What the panel shows: one screen at a time. */
export type Screen =
  | "hidden"
  | "offer"
  | "resume"
  | "moving"
  | "done"
  | "preview"
  | "undoing"
  | "undone"
  | "failed"
  | "cancelled"
  | "restore"
  | "restored";

/** All the panel knows. Screens read it; only the conversation with the client writes it. */
export interface Facts {
  screen: Screen;
  plan: MigrationPlan | null;
  blockers: Blocker[];
  progress: Progress | null;
  receipt: Receipt | null;
  run: RunSnapshot | null;
  withheld: WithheldEntry[];
  /** The browser holds something the receipt does not speak of. */
  changed: boolean;
  preview: RollbackPreview | null;
  rollback: Rollback | null;
  backup: Backup | null;
  restored: number;
  /** Why the last thing asked for did not happen. */
  trouble: { code: string; detail?: string } | null;
  /** A button was pressed and its answer is on the way. */
  busy: boolean;
}

export const NOTHING_KNOWN: Facts = {
  screen: "hidden",
  plan: null,
  blockers: [],
  progress: null,
  receipt: null,
  run: null,
  withheld: [],
  changed: false,
  preview: null,
  rollback: null,
  backup: null,
  restored: 0,
  trouble: null,
  busy: false,
};

/**
 * Where to begin, judged by what the client says of this browser and of its last run. `empty` and `undone` are
 * answers the server has the last word on.
 */
export const firstScreen = (need: NeedCheck, { run, receipt }: MigrationStatus): Screen => {
  switch (need.recommendation) {
    case "unsupported":
      return "hidden";
    case "empty":
    case "restore":
      return "restore";
    case "resume":
      // Somebody paused it on purpose: it is for them to go on. Otherwise it goes on by itself.
      return run?.paused ? "resume" : "moving";
    default:
      if (isUndone(run)) return "undone";
      return receipt && (!run || run.state === "completed") ? "done" : "offer";
  }
};

export const isUndone = (run: RunSnapshot | null): boolean =>
  run?.state === "rolled_back" || run?.state === "rolling_back";

/** What an answer leaves to say, or null when it was what was asked for. */
export const refusalOf = (answer: { ok: true } | Refusal): Facts["trouble"] =>
  answer.ok ? null : { code: answer.code, detail: answer.detail };

export type Client = MigrationClient;
