import { base64url, encode, type Binary } from "./codec.js";
import { breathe } from "./pace.js";
import { sha256 } from "./sha256.js";

/** SHA-256 of the key alone; its first byte names the bucket. */
export const keyHash = (key: string): Promise<Binary> => sha256(encode(JSON.stringify(key)));

export const bucketOf = (hash: Binary): string => hash.charCodeAt(0).toString(16).padStart(2, "0");

/** Digest of a set of fingerprints, the same in whatever order they come. */
export const setDigest = async (prints: Binary[]): Promise<string> => {
  const bytes = new Uint8Array(prints.length * 32);
  let at = 0;
  for (const print of prints.sort()) {
    await breathe();
    for (let i = 0; i < 32; i++) bytes[at++] = print.charCodeAt(i);
  }
  return base64url(await sha256(bytes));
};
