import { breathe } from "./pace.js";

/**
 * A quick 64-bit mark of a text, to notice that it changed, and its size as UTF-8 (a surrogate pair counts for six bytes
 * instead of four). Marks of a set are combined in any order. What
 * the server is told rests on SHA-256 alone.
 */
export type Mark = [low: number, high: number, bytes: number];

// Walking through more without a pause would be felt.
const PIECE = 1 << 16;

export const markOf = async (text: string): Promise<Mark> => {
  let low = 0x2c1b3c6d;
  let high = 0x297a2d39;
  let bytes = 0;
  for (let at = 0; at < text.length; ) {
    const end = Math.min(text.length, at + PIECE);
    for (; at < end; at++) {
      const unit = text.charCodeAt(at);
      low = Math.imul(low ^ unit, 0x9e3779b1);
      high = Math.imul(high ^ unit, 0x5f356495);
      bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    }
    await breathe();
  }
  low = Math.imul(low ^ (low >>> 16) ^ high, 0x85ebca6b);
  high = Math.imul(high ^ (high >>> 15) ^ low, 0xc2b2ae35);
  return [low ^ (low >>> 13), high ^ (high >>> 16), bytes];
};

/** The mark of one entry of a set. */
export const markOfEntry = (key: string, value: string): Promise<Mark> => markOf(key.length + ":" + key + value);

export const addMark = (sum: Mark, mark: Mark): void => {
  sum[0] ^= mark[0];
  sum[1] ^= mark[1];
  sum[2] += mark[2];
};
