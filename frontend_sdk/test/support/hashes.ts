import { createHash } from "node:crypto";

/** What the wire says of hashes and patterns, once more and without any code of the SDK. */

export const sha = (data: string | Buffer): Buffer => createHash("sha256").update(data).digest();
export const wire = (data: Buffer): string => data.toString("base64url");
export const setDigest = (lines: string[]): string => wire(sha(Buffer.concat(lines.map(sha).sort(Buffer.compare))));
export const bucketOf = (key: string): string => sha(JSON.stringify(key)).subarray(0, 1).toString("hex");

export const globMatches = (pattern: string, key: string): boolean =>
  new RegExp(
    "^" +
      pattern
        .split("*")
        .map((part) => part.replace(/\W/g, "\\$&"))
        .join("[^]*") +
      "$",
  ).test(key);
