import type { Emit } from "./events.js";
import { now } from "./pace.js";
import type {
  MigrationClientOptions,
  MigrationError,
  PauseReason,
  Phases,
  Progress,
  RunSnapshot,
  RunStage,
} from "./types.js";

/** What this tab knows about the run, and the only place that tells of it. */
export interface ProgressKeeper {
  _view(): Progress;
  _run(): RunSnapshot | null;
  /** Forgets the last run; called when another begins. */
  _begin(leading: boolean): void;
  /** Takes a snapshot unless a later one was seen. */
  _apply(run: RunSnapshot): void;
  _stage(stage: RunStage): void;
  _pause(reason: PauseReason | null): void;
  _error(code: string, detail?: string, key?: string): void;
}

const NO_PHASES: Phases = { upload: 0, validation: 0, backup: 0, load: 0, verification: 0 };

/** What there is to tell before any run. */
export const idle = (): Progress => ({
  migrationId: null,
  stage: "idle",
  percentage: 0,
  processed: 0,
  total: 0,
  bytesProcessed: 0,
  bytesTotal: 0,
  entriesPerSecond: 0,
  etaSeconds: null,
  successRate: 1,
  phases: NO_PHASES,
  paused: null,
  leading: true,
  errors: [],
  run: null,
});

const figuresOf = (run: RunSnapshot) => ({
  migrationId: run.id,
  processed: run.entries.processed,
  total: run.entries.total,
  bytesProcessed: run.bytes.processed,
  bytesTotal: run.bytes.total,
  entriesPerSecond: run.entries_per_second,
  etaSeconds: run.eta_seconds,
  successRate: run.success_rate,
  phases: run.phases,
  run,
});

export const createProgress = (options: MigrationClientOptions, emit: Emit): ProgressKeeper => {
  let run: RunSnapshot | null = null;
  let stage: RunStage = "idle";
  let percentage = 0;
  let paused: PauseReason | null = null;
  let leading = true;
  let errors: MigrationError[] = [];
  let told = new Set<string>();
  let toldAt = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const view = (): Progress => ({
    ...idle(),
    ...(run && figuresOf(run)),
    stage,
    percentage,
    paused,
    leading,
    errors: [...errors],
  });

  const tell = () => {
    clearTimeout(timer);
    timer = undefined;
    toldAt = now();
    emit("progressUpdate", view());
  };

  /** The first change at once, the last one surely, not more between than asked for. */
  const tellSoon = () => {
    const wait = toldAt + (options.updateInterval ?? 250) - now();
    if (wait <= 0) tell();
    else timer ??= setTimeout(tell, wait);
  };

  const addError = (error: MigrationError) => {
    errors = [...errors, error].slice(-(options.errorHistoryLimit ?? 50));
    emit("errorAdded", error);
  };

  const setStage = (next: RunStage) => {
    if (next === stage) return;
    const previous = stage;
    stage = next;
    emit("stageChanged", { migrationId: run?.id ?? null, stage, previous });
    tell();
  };

  return {
    _view: view,
    _run: () => run,
    _begin(isLeading) {
      run = null;
      percentage = 0;
      paused = null;
      leading = isLeading;
      errors = [];
      told = new Set();
      stage = "idle";
      setStage("scanning");
    },
    _apply(next) {
      const same = run?.id === next.id;
      if (same && next.number < run!.number) return;
      run = next;
      percentage = same ? Math.max(percentage, next.percentage) : next.percentage;
      for (const error of next.errors) {
        const mark = JSON.stringify(error);
        if (!told.has(mark)) addError(error);
        told.add(mark);
      }
      setStage(next.state);
      tellSoon();
    },
    _stage: setStage,
    _pause(reason) {
      if (reason === paused) return;
      paused = reason;
      if (reason) emit("migrationPaused", { migrationId: run?.id ?? null, reason });
      tellSoon();
    },
    _error: (code, detail = code, key) => addError({ code, detail, at: new Date().toISOString(), key }),
  };
};
