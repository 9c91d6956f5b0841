/**
 * The canonical line of an entry, its fingerprint, and the byte forms around them.
 *
 * Hashes are kept as binary strings (one character per byte): they sort bytewise with the plain
 * `sort()`, concatenate with `join("")` and weigh less than an array each.
 */

/** 32 bytes as 32 characters. */
export type Binary = string;

/**
 * The line of a pair, or with one argument the line of a deletion. Well-formed `JSON.stringify` escapes
 * lone surrogates, so that the UTF-8 of it loses no code unit.
 */
export const canonicalLine = (...pair: [key: string, value?: string]): string => JSON.stringify(pair);

export const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

export const toBinary = (bytes: Uint8Array): Binary => {
  let text = "";
  // Spreading more than some ten thousand arguments overflows the stack.
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
};

export const fromBinary = (text: Binary): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (c) => c.charCodeAt(0));

export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Binary> =>
  toBinary(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));

export const base64url = (binary: Binary): string =>
  btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

/** SHA-256 of the key alone; its first byte names the bucket. */
export const keyHash = (key: string): Promise<Binary> => sha256(encode(JSON.stringify(key)));

export const bucketOf = (hash: Binary): string => hash.charCodeAt(0).toString(16).padStart(2, "0");
