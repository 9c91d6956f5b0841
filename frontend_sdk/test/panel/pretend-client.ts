import type {
  MigrationClient,
  MigrationEventName,
  MigrationPlan,
  MigrationResult,
  MigrationStatus,
  NeedCheck,
  Receipt,
  RollbackPreview,
  RunSnapshot,
  RunState,
} from "../../src/types.js";

/** A client without a server: it holds a state, moves when told to, and remembers what it was asked. */
export interface PretendClient extends MigrationClient {
  need: NeedCheck;
  plan: MigrationPlan;
  blockers: { code: string; detail: string }[];
  preview: RollbackPreview;
  /** Names of the calls that were made. */
  asked: string[];
  /** Codes the named calls answer with instead of doing anything. */
  refuse: Record<string, string>;
  status: MigrationStatus;
  /** Changes the status and tells of it. */
  advance(change: Partial<MigrationStatus>): void;
  /** Ends the run under way. */
  end(result: Partial<MigrationResult>): Promise<void>;
  emit(event: MigrationEventName, payload?: unknown): void;
  listeners(): number;
}

export const RUN = "3f9a2c1b-8d41-4f6e-9a55-0c6d1f2e7b90";

export const snapshot = (state: RunState, over: Partial<RunSnapshot> = {}): RunSnapshot => ({
  id: RUN,
  state,
  purpose: "migrate",
  dry_run: false,
  sealed: false,
  paused: false,
  cancelling: false,
  manifest_version: 1,
  epoch: "1.1",
  number: 1,
  entries: {
    total: 512,
    received: 320,
    processed: 312,
    stored: 312,
    unchanged: 0,
    superseded: 0,
    conflict: 0,
    quarantined: 0,
    withheld: 2,
    deleted: 0,
  },
  bytes: { total: 400_000, received: 250_000, processed: 244_000 },
  chunks: { received: 3, loaded: 2 },
  phases: { upload: 0.8, validation: 0.6, backup: 0.8, load: 0.6, verification: 0 },
  percentage: 61,
  entries_per_second: 1240,
  eta_seconds: 2,
  success_rate: 1,
  errors: [],
  mismatch: null,
  verify_rounds: 0,
  receipt: null,
  can_rollback: true,
  created_at: "2026-11-22T10:00:00Z",
  finished_at: null,
  ...over,
});

export const receipt = (): Receipt => ({
  receipt: "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
  statement: {
    iss: "syncserver",
    app: "demo",
    owner: "o",
    device: "d",
    run: RUN,
    purpose: "migrate",
    timeline: "t",
    manifest_version: 1,
    manifest_digest: "m",
    stored: { entries: 510, digest: "s" },
    conflict: { entries: 0, digest: "c" },
    quarantined: { entries: 0, digest: "q" },
    withheld: { entries: 2, digest: "w" },
    revision: 510,
    issued_at: "2026-11-22T10:00:05Z",
  },
});

const PLAN: MigrationPlan = {
  estimatedDuration: { min: 400, max: 4200 },
  dataBreakdown: [
    { name: "notes", patterns: ["note:*"], count: 24, bytes: 6_140, types: { object: 24 } },
    { name: "todos", patterns: ["todo:*"], count: 480, bytes: 38_900, types: { object: 480 } },
    { name: "default", patterns: ["*"], count: 8, bytes: 212_000, types: { text: 3, number: 1, date: 2, dataUrl: 1, uuid: 1 } },
  ],
  recommendations: [{ code: "secrets_withheld", detail: "secrets withheld", count: 2 }],
  withheld: [
    { key: "auth_token", rule: "token_key", why: "sign-in" },
    { key: "profile:api_key", rule: "api_key", why: "secret" },
  ],
  itemCount: 512,
  storageSize: 257_040,
};

const idle = (): MigrationStatus => ({
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
  phases: { upload: 0, validation: 0, backup: 0, load: 0, verification: 0 },
  paused: null,
  leading: true,
  errors: [],
  run: null,
  supported: true,
  resumable: false,
  receipt: null,
});

export const pretendClient = (): PretendClient => {
  const heard = new Map<string, Set<(payload: never) => void>>();
  let conclude: (result: MigrationResult) => void = () => {};

  const answer = <T extends object>(name: string, good: T) => {
    client.asked.push(name);
    const code = client.refuse[name];
    return Promise.resolve(code ? { ok: false as const, code } : { ok: true as const, ...good });
  };
  const note = async (name: string) => void client.asked.push(name);
  const rollback = {
    id: "r1",
    scope: "run" as const,
    state: "done" as const,
    run: RUN,
    point: null,
    to_revision: 0,
    from_revision: 510,
    reverted: 510,
    kept: 0,
    journaled: 0,
    created_at: "",
    finished_at: "",
  };

  const client = {
    need: { needed: true, itemCount: 512, storageSize: 257_040, recommendation: "migrate" },
    plan: PLAN,
    blockers: [],
    preview: { scope: "run", can_rollback: true, reasons: [], reverted: 510, kept: [], kept_count: 3, deleted: 508 },
    asked: [],
    refuse: {},
    status: idle(),
    emit(event: string, payload?: unknown) {
      for (const listener of heard.get(event) ?? []) listener(payload as never);
    },
    advance(change: Partial<MigrationStatus>) {
      client.status = { ...client.status, ...change };
      client.emit("progressUpdate", client.status);
    },
    async end(result: Partial<MigrationResult>) {
      const state = result.state ?? "completed";
      client.status = { ...client.status, stage: state, receipt: result.receipt ?? null };
      conclude({ ok: true, migrationId: RUN, state, receipt: null, run: null, withheld: [], refused: [], ...result });
      await Promise.resolve();
    },
    listeners: () => [...heard.values()].reduce((sum, set) => sum + set.size, 0),
    on(event: string, listener: (payload: never) => void) {
      heard.set(event, (heard.get(event) ?? new Set()).add(listener));
      return () => void heard.get(event)!.delete(listener);
    },
    initialize: () => answer("initialize", { config: {} }),
    checkIfMigrationNeeded: async () => client.need,
    createMigrationPlan: async () => ({
      plan: client.plan,
      canProceed: !client.blockers.length,
      blockers: client.blockers,
    }),
    getMigrationStatus: () => client.status,
    checkMigrationStatus: async () => client.status,
    async startMigration() {
      client.asked.push("startMigration");
      client.status = { ...client.status, stage: "scanning" };
      const done = new Promise<MigrationResult>((resolve) => (conclude = resolve));
      const call = (name: string) => () => note(name);
      return { migrationId: RUN, pause: call("pause"), resume: call("resume"), cancel: call("cancel"), done };
    },
    previewRollback: () => answer("previewRollback", { preview: client.preview }),
    rollbackMigration: () => answer("rollbackMigration", { rollback }),
    undoRollback: () => answer("undoRollback", { rollback }),
    validateMigration: () => answer("validateMigration", { valid: client.need.recommendation === "up_to_date" }),
    listBackups: () =>
      answer("listBackups", {
        backups: [{ id: "b1", run: RUN, created_at: "2026-11-20T08:00:00Z", entries: 512, bytes: 1, chunks: 1, state: "sealed", digest: "" }],
      }),
    restoreBackup: () => answer("restoreBackup", { restored: 512 }),
    generateMigrationReport: (run: string, { format }: { format: string }) =>
      answer("generateMigrationReport", { [format]: `<h1>Report of ${run}</h1>` }),
  } as unknown as PretendClient;
  return client;
};
