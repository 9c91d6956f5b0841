import { base64url, fromBinary, sha256, type Binary } from "./codec.js";

/** Digest of a set of fingerprints, the same in whatever order they come. */
export const setDigest = async (prints: Binary[]): Promise<string> =>
  base64url(await sha256(fromBinary(prints.sort().join(""))));
