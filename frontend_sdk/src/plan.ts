import { readAll } from "./area.js";
import { inferCollections, labeller } from "./collections.js";
import { encodeLine } from "./codec.js";
import type { Judge } from "./judge.js";
import { kindOf } from "./kinds.js";
import { breathe } from "./pace.js";
import type {
  CollectionBreakdown,
  MigrationClientOptions,
  MigrationPlan,
  Recommendation,
  ServerConfig,
  WithheldEntry,
} from "./types.js";

/** Looking at the storage and saying what a run would do, without doing any of it. */

const LARGE_VALUE = 1 << 18;
// Of the 5,242,880 code units a browser grants.
const NEARLY_FULL = 4.5e6;
// Bytes per ms on a bad and on a good line, and the trips every run makes.
const SLOW = 30;
const FAST = 2000;
const LEAST_MS = 300;
const MOST_MS = 3000;

/** The plan alone; whether it can proceed is for the client to say. */
export const makePlan = async (
  area: Storage,
  options: MigrationClientOptions,
  config: ServerConfig | undefined,
  judge: Judge,
  persisted: boolean,
): Promise<MigrationPlan> => {
  const items = await readAll(area);
  const list = await inferCollections(items.keys(), [...(config?.collections ?? []), ...(options.collections ?? [])]);
  const label = labeller(list);
  const families = new Map<string, CollectionBreakdown>();
  for (const { name, patterns } of list) families.set(name, { name, patterns, count: 0, bytes: 0, types: {} });
  const withheld: WithheldEntry[] = [];
  let [itemCount, storageSize, units, large, doubled] = [0, 0, 0, 0, 0];
  for (const [key, value] of items) {
    await breathe();
    units += key.length + value.length;
    const held = await judge(key, value);
    if (held) {
      withheld.push(held);
      continue;
    }
    // A long value was just searched for secrets, and is searched again for what it is.
    await breathe();
    const family = families.get(label(key))!;
    const kind = kindOf(value);
    const size = (await encodeLine([key, value])).length;
    family.count++;
    family.bytes += size;
    family.types[kind] = (family.types[kind] ?? 0) + 1;
    itemCount++;
    storageSize += size;
    if (value.length > LARGE_VALUE) large++;
    if (kind === "doubleEncoded") doubled++;
  }
  const slow = /2g/.test((globalThis.navigator as any)?.connection?.effectiveType);
  const advice: [Recommendation["code"], number][] = [
    ["secrets_withheld", withheld.length],
    ["large_values", large],
    ["double_encoded", doubled],
    ["not_persisted", +!persisted],
    ["storage_nearly_full", +(units > NEARLY_FULL)],
    ["slow_connection", +slow],
  ];
  const told = advice
    .filter(([, count]) => count)
    .map(([code, count]): Recommendation => ({ code, detail: code.replace(/_/g, " "), count }));
  return {
    estimatedDuration: { min: LEAST_MS + storageSize / FAST, max: MOST_MS + storageSize / SLOW },
    dataBreakdown: [...families.values()].filter(({ count }) => count),
    recommendations: told,
    withheld,
    itemCount,
    storageSize,
  };
};
