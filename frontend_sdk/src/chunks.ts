import { base64url, encodePieces, linePieces, toBinary } from "./codec.js";
import { sha256 } from "./sha256.js";
import type { Entry } from "./table.js";

/** Cutting entries into chunks, and what a chunk looks like on the wire. */

export interface Packed {
  _id: string;
  _entries: Entry[];
  /** Inflated length. */
  _size: number;
  _sha: string;
  _gzip: boolean;
  _data: Uint8Array<ArrayBuffer>;
}

export const LEAST_TARGET = 16 << 10;
export const MOST_TARGET = 1 << 20;
const FIRST_TARGET = 256 << 10;
const AIM_MS = 2000;
// What inflates further looks like an attack to the server, and travels as it is.
const MOST_RATIO = 100;

/** The payload size to aim at, moved towards a round trip of two seconds. */
export const createTarget = () => {
  let target = FIRST_TARGET;
  return {
    _size: () => target,
    _learn(ms: number, size: number) {
      // A small chunk says little about how a large one would fare.
      if (size < target / 2 && ms < AIM_MS) return;
      const factor = Math.min(2, Math.max(0.5, AIM_MS / Math.max(ms, 1)));
      target = Math.min(MOST_TARGET, Math.max(LEAST_TARGET, target * factor)) | 0;
    },
  };
};

/** Why a chunk has its size, as its report says. */
export type CutReason = "rest" | "entries" | "target" | "single" | "halved" | "withheld";

/** Takes the next chunk's entries off the front, at least one and no more than fit, and says why it stopped there. */
export const cut = (queue: Entry[], target: number, most: number): [entries: Entry[], reason: CutReason] => {
  let size = 0;
  let count = 0;
  let full = false;
  while (count < queue.length && count < most) {
    size += queue[count]!._size + 1;
    full = count > 0 && size > target;
    if (full) break;
    count++;
  }
  const entries = queue.splice(0, count);
  if (full) return [entries, count > 1 ? "target" : "single"];
  return [entries, queue.length ? "entries" : "rest"];
};

const gzip = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(
    await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
  );

function* payloadPieces(entries: Entry[]): Generator<string> {
  for (const { _key, _value } of entries) {
    yield* linePieces([_key, _value]);
    yield "\n";
  }
}

/** Random id, payload, sum. Identity where the browser cannot compress. */
export const pack = async (entries: Entry[]): Promise<Packed> => {
  const payload = await encodePieces(payloadPieces(entries));
  const _size = payload.length;
  const [hash, zipped] = await Promise.all([sha256(payload), typeof CompressionStream === "function" && gzip(payload)]);
  const _gzip = zipped && zipped.length * MOST_RATIO > _size;
  return {
    _id: crypto.randomUUID(),
    _entries: entries,
    _size,
    _sha: base64url(hash),
    _gzip,
    _data: _gzip ? zipped : payload,
  };
};

/** A chunk inside the body that creates a run. */
export const inlineChunk = (chunk: Packed, seq: number) => ({
  id: chunk._id,
  seq,
  entries: chunk._entries.length,
  bytes: chunk._size,
  sha256: chunk._sha,
  encoding: chunk._gzip ? "gzip" : "identity",
  data: btoa(toBinary(chunk._data)),
});

export const chunkHeaders = (chunk: Packed, seq: number, reason: CutReason): Record<string, string> => ({
  "Content-Type": "application/x-ndjson",
  ...(chunk._gzip && { "Content-Encoding": "gzip" }),
  "Migration-Seq": `${seq}`,
  "Migration-Entries": `${chunk._entries.length}`,
  "Migration-Bytes": `${chunk._size}`,
  "Migration-Sha256": chunk._sha,
  "Migration-Reason": reason,
});
