import { firstScreen, isUndone, NOTHING_KNOWN, refusalOf, type Facts } from "./facts.js";
import type { MigrationClient, MigrationResult, RunHandle } from "../types.js";

/** What the panel's buttons mean. None of them throws or rejects. */
export interface Conversation {
  facts(): Facts;
  begin(): Promise<void>;
  move(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  cancel(): Promise<void>;
  askToUndo(): Promise<void>;
  keep(): void;
  undo(): Promise<void>;
  bringBack(): Promise<void>;
  restore(): Promise<void>;
  /** Fetches the report of the run the receipt is of, as a page. */
  report(take: (html: string) => void): Promise<void>;
  /** Looks again whether somebody else moved the run meanwhile. */
  lookAgain(): Promise<void>;
  leave(): void;
}

// A page writes in bursts; one look after the burst is enough. What is shown already is not redrawn under
// somebody's finger more often than this.
const SETTLE_MS = 400;
const REDRAW_MS = 5000;

/** Speaks with the client on behalf of one panel and tells it of every new fact. */
export const converse = (client: MigrationClient, tell: (facts: Facts) => void): Conversation => {
  let facts: Facts = NOTHING_KNOWN;
  let handle: RunHandle | null = null;
  let settling: ReturnType<typeof setTimeout> | undefined;
  let wroteMeanwhile = false;
  let lookedAt = -Infinity;
  let left = false;

  const learn = (news: Partial<Facts>): void => {
    facts = { ...facts, ...news };
    if (!left) tell(facts);
  };

  /** One thing at a time; a failure becomes a fact. */
  const act = async (work: () => Promise<void>): Promise<void> => {
    if (facts.busy || left) return;
    learn({ busy: true, trouble: null });
    try {
      await work();
    } catch (thrown) {
      learn({ trouble: { code: "internal", detail: String(thrown) } });
    }
    learn({ busy: false });
  };

  /** Decides anew what there is to show; `from` a screen on which nothing is under way. */
  const judge = async (): Promise<void> => {
    const opened = await client.initialize();
    // Without the server the local half of the answer still stands.
    const status = opened.ok ? await client.checkMigrationStatus() : client.getMigrationStatus();
    const need = await client.checkIfMigrationNeeded();
    if (facts.screen === "moving" || left) return;
    let screen = firstScreen(need, status);
    // A rollback that was itself undone leaves the run as it was, and the records where they are.
    if (screen === "undone" && (await isAllThere())) screen = "done";
    const changed = screen === "done" && need.recommendation === "migrate";
    learn({ receipt: status.receipt, run: status.run, changed });
    if (screen === "offer" || screen === "resume" || screen === "undone") await plan();
    if (screen === "restore" && !(await findBackup())) return learn({ screen: "hidden" });
    if (screen === "moving") return start();
    learn({ screen });
  };

  const isAllThere = async (): Promise<boolean> => {
    const found = await client.validateMigration({ receipt: false });
    return found.ok && found.valid;
  };

  const plan = async (): Promise<void> => {
    const { plan: made, blockers } = await client.createMigrationPlan();
    learn({ plan: made, blockers });
  };

  const findBackup = async (): Promise<boolean> => {
    const found = await client.listBackups();
    const backup = found.ok && found.backups.find(({ state, entries }) => state === "sealed" && entries > 0);
    learn({ backup: backup || null });
    return !!backup;
  };

  const start = async (): Promise<void> => {
    wroteMeanwhile = false;
    learn({ screen: "moving", progress: client.getMigrationStatus(), changed: false, preview: null, trouble: null });
    const begun = await client.startMigration();
    handle = begun;
    void begun.done.then((result) => handle === begun && finish(result));
  };

  const finish = (result: MigrationResult): void => {
    handle = null;
    const { receipt, run, withheld, state } = result;
    learn({ run, withheld, busy: false });
    if (result.ok) {
      learn({ screen: "done", receipt, progress: client.getMigrationStatus() });
      // What the page wrote after the run's last look is not in its receipt.
      lookedAt = -Infinity;
      if (wroteMeanwhile) onChange();
    } else if (state === "cancelled") learn({ screen: "cancelled" });
    else if (isUndone(run)) learn({ screen: "undone" });
    else learn({ screen: "failed", trouble: { code: result.code ?? "internal", detail: result.detail } });
  };

  const onProgress = (): void => {
    if (facts.screen === "moving") learn({ progress: client.getMigrationStatus() });
  };
  const onChange = (): void => {
    wroteMeanwhile = true;
    clearTimeout(settling);
    const shown = facts.screen === "hidden" ? 0 : lookedAt + REDRAW_MS - performance.now();
    settling = setTimeout(() => void look(), Math.max(SETTLE_MS, shown));
  };
  /** The page wrote: what is shown may not be true any more. */
  const look = async (): Promise<void> => {
    if (facts.busy) return onChange();
    const { screen, blockers, changed } = facts;
    if (changed || !/^(hidden|offer|done|restore|undone)$/.test(screen)) return;
    lookedAt = performance.now();
    if (screen === "offer" && !blockers.length) await plan().catch(() => {});
    else await act(judge);
  };

  const unsubscribe = [
    client.on("progressUpdate", onProgress),
    client.on("stageChanged", onProgress),
    client.on("migrationPaused", onProgress),
    client.on("errorAdded", onProgress),
    client.on("sourceChanged", onChange),
    client.on("unsupported", () => learn({ screen: "hidden" })),
  ];

  return {
    facts: () => facts,
    begin: () => act(judge),
    move: () => act(start),
    pause: () => act(async () => handle?.pause()),
    resume: () => act(async () => (handle ? handle.resume() : start())),
    cancel: () => act(async () => handle?.cancel()),
    askToUndo: () =>
      act(async () => {
        const answer = await client.previewRollback();
        if (answer.ok) learn({ screen: "preview", preview: answer.preview });
        else learn({ trouble: refusalOf(answer) });
      }),
    keep: () => learn({ screen: facts.receipt ? "done" : "cancelled", preview: null }),
    undo: () =>
      act(async () => {
        learn({ screen: "undoing" });
        const answer = await client.rollbackMigration();
        const trouble = refusalOf(answer);
        if (answer.ok) learn({ rollback: answer.rollback });
        await plan();
        learn({ screen: trouble ? "preview" : "undone", trouble });
      }),
    bringBack: () =>
      act(async () => {
        const answer = await client.undoRollback();
        learn({ trouble: refusalOf(answer) });
        if (answer.ok) learn({ screen: "done", rollback: null, changed: false });
      }),
    restore: () =>
      act(async () => {
        const answer = await client.restoreBackup(facts.backup!.id);
        if (answer.ok) learn({ screen: "restored", restored: answer.restored });
        else learn({ trouble: refusalOf(answer) });
      }),
    report: (take) =>
      act(async () => {
        const answer = await client.generateMigrationReport(facts.receipt!.statement.run, { format: "html" });
        if (answer.ok) take(answer.html);
        else learn({ trouble: refusalOf(answer) });
      }),
    async lookAgain() {
      if (facts.screen !== "done" || facts.busy) return;
      const { run } = await client.checkMigrationStatus();
      if (facts.screen === "done" && isUndone(run)) await act(judge);
    },
    leave() {
      left = true;
      clearTimeout(settling);
      unsubscribe.forEach((off) => off());
    },
  };
};
