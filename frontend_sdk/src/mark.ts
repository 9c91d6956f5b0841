/**
 * A quick 64-bit mark of some bytes, to notice that a storage changed since it was sent. Marks of a set are
 * combined by exclusive or, in any order. What the server is told rests on SHA-256 alone.
 */
export type Mark = [low: number, high: number];

// Walking through more byte by byte would be felt; hashing it happens elsewhere.
const MOST_WALKED = 1 << 16;

export const markOf = async (line: Uint8Array<ArrayBuffer>): Promise<Mark> => {
  const bytes = line.length > MOST_WALKED ? new Uint8Array(await crypto.subtle.digest("SHA-256", line)) : line;
  let low = 0x2c1b3c6d;
  let high = 0x297a2d39;
  for (let i = 0; i < bytes.length; i++) {
    low = Math.imul(low ^ bytes[i]!, 0x9e3779b1);
    high = Math.imul(high ^ bytes[i]!, 0x5f356495);
  }
  low = Math.imul(low ^ (low >>> 16) ^ high, 0x85ebca6b);
  high = Math.imul(high ^ (high >>> 15) ^ low, 0xc2b2ae35);
  return [low ^ (low >>> 13), high ^ (high >>> 16)];
};

export const addMark = (sum: Mark, mark: Mark): void => {
  sum[0] ^= mark[0];
  sum[1] ^= mark[1];
};
