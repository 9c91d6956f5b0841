import { readAll } from "./area.js";
import { canonicalLine, encode, sha256 } from "./codec.js";
import { setDigest } from "./digest.js";
import type { Judge } from "./judge.js";
import { breathe } from "./pace.js";

/** What would travel, in three numbers. */
export const survey = async (area: Storage, judge: Judge) => {
  const prints: Promise<string>[] = [];
  let storageSize = 0;
  for (const [key, value] of await readAll(area)) {
    await breathe();
    if (await judge(key, value)) continue;
    const line = encode(canonicalLine(key, value));
    storageSize += line.length;
    prints.push(sha256(line));
    // Bounds what is in flight without waiting for each.
    if (prints.length % 128 === 0) await prints[prints.length - 1];
  }
  return { itemCount: prints.length, storageSize, _digest: await setDigest(await Promise.all(prints)) };
};
