import { putItem, readItem } from "./area.js";
import { encode } from "./codec.js";
import { setDigest } from "./digest.js";
import { breathe } from "./pace.js";
import { sha256 } from "./sha256.js";
import { problem } from "./problem.js";

/** Bringing a backup back into the browser: checked first, then all of it or nothing. */

/** The lines of a downloaded backup, whether or not the browser inflated it on the way. */
const inflate = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
  const body = new Response(bytes).body!;
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return new Response(zipped ? body.pipeThrough(new DecompressionStream("gzip")) : body).text();
};

/** The pairs of a backup, once its digest was found right. */
export const readBackup = async (
  bytes: Uint8Array<ArrayBuffer>,
  digest: string | null,
): Promise<[key: string, value?: string][]> => {
  const lines = (await inflate(bytes)).split("\n").filter((line) => line);
  const prints: string[] = [];
  for (const line of lines) {
    await breathe();
    prints.push(await sha256(encode(line)));
  }
  // The header is not there where a proxy dropped it; the lines themselves then must do.
  if (digest && (await setDigest(prints)) !== digest) throw problem("backup_unreadable");
  return lines.map((line) => JSON.parse(line));
};

/** Writes all pairs; where the storage refuses one, everything is as it was. */
export const writeAll = (area: Storage, pairs: [key: string, value?: string][]): void => {
  const before = new Map<string, string | null>();
  try {
    for (const [key, value] of pairs) {
      if (value === undefined) continue;
      const old = readItem(area, key);
      if (old === value) continue;
      before.set(key, old);
      putItem(area, key, value);
    }
  } catch {
    // First make room, then put back: the other way round would meet the same quota.
    for (const key of before.keys()) putItem(area, key);
    for (const [key, old] of before) if (old !== null) putItem(area, key, old);
    throw problem("quota_exceeded");
  }
};
