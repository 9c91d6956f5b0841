import { createCargo, isMassLoss } from "../cargo.js";
import { compare, compareRecords } from "../reconcile.js";
import { ABSENT, printOf, type Row } from "./acks.js";
import type { Standing } from "./exchange.js";
import { restart } from "./restart.js";

/**
 * Learning anew what the server holds, where it is another than it was (`timeline_changed`) or has forgotten deletions
 * since the last look (`cursor_expired`). Both sides are compared by digests; what is equal does not travel.
 */

interface Compared {
  /** Values that are equal on both sides, by key. */
  _same: Map<string, string>;
  /** Keys the server holds with another value, or alone. */
  _theirs: Set<string>;
}

const compareSides = async ({ _host: host }: Standing): Promise<Compared> => {
  const cargo = await createCargo(host);
  await cargo._scan();
  const { collections } = await cargo._manifest(1);
  const [differing] = await compareRecords(host._net, collections);
  const [lacking] = compare(cargo, differing);
  const unequal = new Set(lacking);
  const _same = new Map<string, string>();
  for (const entry of cargo._table.values()) if (!unequal.has(entry)) _same.set(entry._key, entry._value!);
  const listed = Object.values(differing).flatMap((buckets) => Object.values(buckets).flat());
  const _theirs = new Set(listed.map(([key]): string => JSON.parse(key)).filter((key) => !_same.has(key)));
  return { _same, _theirs };
};

/** Takes deletions over that the server has forgotten: acknowledged here, unchanged since, and not there any more. */
const catchUp = async (standing: Standing): Promise<void> => {
  const { _acks: acks, _place: place } = standing;
  const { _same, _theirs } = await compareSides(standing);
  const live = acks._live();
  const gone: [key: string, value: string][] = [];
  for (const key of live) {
    if (_same.has(key) || _theirs.has(key)) continue;
    const [value, print] = await place._read(key);
    if (value !== null && print === acks._get(key)![0]) gone.push([key, value]);
  }
  // A server that lacks so much has rather lost it: it is sent again.
  if (!isMassLoss(gone.length, live.length, live.length - gone.length))
    for (const [key, value] of gone) place._put(key, undefined, value);
  await standing._keep(gone.map(([key]): Row => [key, undefined]));
  await standing._receive(undefined, true);
};

/** Begins a new table from what is equal. What differs is sent without a base, so that nobody's write is overwritten. */
const beginAnew = async (standing: Standing): Promise<void> => {
  const { _host: host, _acks: acks, _place: place } = standing;
  const { _body } = await host._net._send("GET", "/records?since=0&limit=1");
  const { revision, timeline } = _body;
  const { _same, _theirs } = await compareSides(standing);
  const rows: Row[] = [];
  let unknown = false;
  for (const [key, value] of _same) rows.push([key, [await printOf(value), new Map(), Date.now(), revision]]);
  for (const key of _theirs) {
    if ((await place._read(key))[0] !== null) continue;
    const print = acks._get(key)?.[0] ?? ABSENT;
    // Removed here and not sent yet: it is to be sent, not brought back.
    if (print) rows.push([key, [print, new Map(), 0, 0]]);
    else unknown = true;
  }
  await restart(standing, { cursor: unknown ? 0 : revision, timeline }, rows);
};

export const relearn = (standing: Standing, code: string): Promise<void> =>
  code === "cursor_expired" ? catchUp(standing) : beginAnew(standing);
