import { breathe } from "./pace.js";

/**
 * The canonical line of an entry and the byte forms around it.
 *
 * Hashes are kept as binary strings (one character per byte): they sort bytewise with the plain
 * `sort()`, concatenate with `join("")` and weigh less than an array each.
 */

/** 32 bytes as 32 characters. */
export type Binary = string;

/** A deletion has no value. */
export type Pair = [key: string, value?: string];

// What is escaped and encoded in one go: a megabyte of lone surrogates alone would block many frames.
const PIECE = 1 << 16;

/** The inside of a string's JSON literal, piece by piece; no surrogate pair is cut in two. */
function* escaped(text: string, size: number): Generator<string> {
  for (let at = 0; at < text.length;) {
    let end = at + size;
    if (/^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(end - 1, end + 1))) end++;
    yield JSON.stringify(text.slice(at, end)).slice(1, -1);
    at = end;
  }
}

/**
 * The line of a pair, or with a key alone the line of a deletion: `JSON.stringify` of it, in pieces.
 * Well-formed stringify escapes lone surrogates, so that the UTF-8 of a line loses no code unit.
 */
export function* linePieces([key, value]: Pair, size = PIECE): Generator<string> {
  if (key.length + (value?.length ?? 0) < size) {
    yield JSON.stringify(value === undefined ? [key] : [key, value]);
    return;
  }
  yield '["';
  yield* escaped(key, size);
  if (value !== undefined) {
    yield '","';
    yield* escaped(value, size);
  }
  yield '"]';
}

export const encode = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

/** The UTF-8 of texts put together, with a pause after each larger part. */
export const encodePieces = async (pieces: Iterable<string>): Promise<Uint8Array<ArrayBuffer>> => {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let text = "";
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE) continue;
    parts.push(encode(text));
    text = "";
    await breathe();
  }
  const rest = encode(text);
  return parts.length ? new Uint8Array(await new Blob([...parts, rest]).arrayBuffer()) : rest;
};

export const encodeLine = (pair: Pair): Promise<Uint8Array<ArrayBuffer>> => encodePieces(linePieces(pair));

export const toBinary = (bytes: Uint8Array): Binary => {
  let text = "";
  // Spreading more than some ten thousand arguments overflows the stack.
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
};

export const base64url = (binary: Binary): string =>
  btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
