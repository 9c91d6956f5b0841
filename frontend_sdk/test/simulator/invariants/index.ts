import { isKept, linesOf } from "./kept.js";
import { valueOf } from "../model/lines.js";
import type { World } from "../world.js";

/** What must be true in the end, whatever has happened. Each yields what is wrong. */

type Invariant = (world: World) => Iterable<string>;

/** Nothing acknowledged is lost: history or a conflict has it. */
function* acknowledged({ server, history }: World): Iterable<string> {
  const owners = new Map([...server.owners].map(([owner, records]) => [owner, linesOf(records)]));
  for (const { owner, line, device, seq } of history.acknowledged)
    if (valueOf(line) !== undefined && !isKept(line, owners.get(owner)!))
      yield `${line} of ${owner} (device ${device.slice(0, 4)}, ${seq}) was acknowledged and is gone`;
}

/** The last word of every page is somewhere: nothing is dropped on the way. */
function* lastWords({ server, history }: World): Iterable<string> {
  for (const [profile, written] of history.written) {
    const lines = linesOf(server.recordsOf(profile.owner));
    for (const [key, value] of written)
      if (key !== "refused" && !isKept(JSON.stringify([key, value]), lines))
        yield `profile ${profile.number} wrote ${key} = ${value}, which is nowhere`;
  }
}

/** No write of a device is followed by an older one of its own: neither a late op nor a chunk that was loaded late. */
function* order({ server }: World): Iterable<string> {
  for (const records of server.owners.values())
    for (const [key, { versions }] of records.keys) {
      const newest = new Map<string, number>();
      for (const { device, seq, cause } of versions) {
        if (cause === "resolution") continue;
        if (seq < (newest.get(device) ?? 0)) yield `${key} of ${device.slice(0, 4)}: ${seq} came after ${newest.get(device)}`;
        newest.set(device, Math.max(seq, newest.get(device) ?? 0));
      }
    }
}

/** Only who leads may commit, and only under the epoch that is. */
function* authority({ server: { writing: { commits } } }: World): Iterable<string> {
  for (const { device, seq, fence, fenceThen, epoch, epochThen } of commits) {
    if (fence && fence < fenceThen) yield `op ${seq} of ${device.slice(0, 4)} came with fence ${fence} after ${fenceThen}`;
    if (epoch && epoch !== epochThen) yield `op ${seq} of ${device.slice(0, 4)} came under epoch ${epoch}, at ${epochThen}`;
  }
}

/** Nothing of one account is in another one's records. */
function* seals({ server, profiles }: World): Iterable<string> {
  for (const [owner, records] of server.owners)
    for (const line of linesOf(records)) {
      const [, number] = /\/(\d)\.\d+/.exec(valueOf(line) ?? "") ?? [];
      if (number && !profiles[+number]!.sealsEver.has(owner)) yield `${line} of profile ${number} is in ${owner}'s records`;
    }
}

/** The page hears nothing of us. */
function* silence({ profiles }: World): Iterable<string> {
  for (const { tabs } of profiles) for (const { complaints } of tabs) yield* complaints;
}

export const INVARIANTS: Record<string, Invariant> = { acknowledged, lastWords, order, authority, seals, silence };
