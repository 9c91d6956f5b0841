import type { Core } from "./host.js";
import type { Outcome, PlanAnswer, Readiness, ReadinessCheck, SystemHealth } from "./types.js";

/** Whether a migration can begin and could be taken back: this browser's checks, and the server's. */

const check = (code: string, weight: "issue" | "warning", passed: boolean, detail: string): ReadinessCheck => ({
  code,
  severity: passed ? "ok" : weight,
  passed,
  detail,
});

/** What this browser lacks costs comfort, not data: warnings. */
const ofBrowser = ({ indexedDB, locks, compression, webSocket, storage }: SystemHealth): ReadinessCheck[] => {
  const parts = { indexed_db: indexedDB, locks, compression, web_socket: webSocket, persisted: storage.persisted };
  return Object.entries(parts).map(([part, there]) => check(part, "warning", there, there ? "ok" : "missing"));
};

export const assess = async (
  { _attempt }: Core,
  plan: () => Promise<PlanAnswer>,
  health: () => Promise<SystemHealth>,
): Promise<Readiness> => {
  const { blockers } = await plan();
  const asked: Outcome<{ checks: ReadinessCheck[] }> = await _attempt(
    async ({ _net }) => (await _net._send("GET", "/readiness"))._body,
  );
  const checks = [
    ...blockers.map(({ code, detail }) => check(code, "issue", false, detail)),
    ...ofBrowser(await health()),
    // Unless the server was asked, nobody knows whether a rollback works.
    check("server", "issue", asked.ok, asked.ok ? "ok" : asked.code),
    ...(asked.ok ? asked.checks : []),
  ];
  const failed = (weight: string) => checks.filter(({ severity }) => severity === weight);
  const issues = failed("issue");
  return { ready: !issues.length, issues, warnings: failed("warning"), checks };
};
