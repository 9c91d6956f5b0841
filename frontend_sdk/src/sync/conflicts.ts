import type { Host } from "../host.js";
import type { Pair } from "../codec.js";
import { contain } from "../events.js";
import type { Standing } from "./exchange.js";
import type { ConflictChoice, WriteConflict } from "../types.js";

/** Two values for one key, and somebody to ask: the page decides now, or an operator later. */

const valueOf = (line: string | null): string | null => (line === null ? null : ((JSON.parse(line) as Pair)[1] ?? null));

/** The server tells each side as a line, and more than a page is told. */
const toConflict = ({ id, base, local, remote, who, when, why }: WriteConflict): WriteConflict => ({
  id,
  key: (JSON.parse(local ?? remote!) as Pair)[0],
  base: valueOf(base),
  local: valueOf(local),
  remote: valueOf(remote),
  who,
  when,
  why,
});

export const listConflicts = async ({ _net }: Host): Promise<WriteConflict[]> =>
  ((await _net._send("GET", "/conflicts?state=open"))._body.conflicts as WriteConflict[]).map(toConflict);

export const resolveConflict = async ({ _net }: Host, { id, key }: WriteConflict, choice: ConflictChoice): Promise<void> => {
  const _json =
    typeof choice === "string"
      ? { choice }
      : { choice: "custom", line: JSON.stringify(choice.value === null ? [key] : [key, choice.value]) };
  await _net._send("POST", `/conflicts/${id}/resolve`, { _json });
};

/** Tells of the given conflicts and has the page decide, where it wants to; what was decided comes down. */
export const askPage = async ({ _host: host, _rumour, _kick }: Standing, ids: number[]): Promise<void> => {
  const { _options, _events } = host;
  let decided = false;
  for (const conflict of await listConflicts(host)) {
    if (!ids.includes(conflict.id)) continue;
    _events._emit("conflict", conflict);
    let choice: ConflictChoice | undefined;
    await contain(async () => (choice = (await _options.onConflict?.(conflict)) ?? undefined));
    if (!choice) continue;
    await resolveConflict(host, conflict, choice);
    decided = true;
  }
  if (!decided) return;
  _rumour(Infinity);
  _kick();
};
