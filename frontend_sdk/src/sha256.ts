import { toBinary, type Binary } from "./codec.js";

/**
 * SHA-256. The browser's own for much, ours for little: a call of `crypto.subtle` goes through another
 * thread and back, which for a line of a hundred bytes costs fifty times the work itself.
 */

const OWN_BYTES = 2048;

/** First 32 bits of the fractional part. */
const fraction = (x: number): number => ((x % 1) * 2 ** 32) | 0;
const isPrime = (n: number): boolean => {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
};

let constants: { round: Int32Array; initial: Int32Array } | undefined;

/** The standard's constants are roots of the first primes: shorter to compute than to carry. */
const getConstants = () => {
  if (constants) return constants;
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (isPrime(n)) primes.push(n);
  const round = Int32Array.from(primes, (n) => fraction(Math.cbrt(n)));
  const initial = Int32Array.from(primes.slice(0, 8), (n) => fraction(Math.sqrt(n)));
  return (constants = { round, initial });
};

const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

const words = new Int32Array(64);

const compress = (state: Int32Array, view: DataView, at: number, round: Int32Array): void => {
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const [a, b] = [words[i - 15]!, words[i - 2]!];
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    words[i] = words[i - 16]! + s0 + words[i - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + round[i]! + words[i]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i]! += word));
};

const own = (bytes: Uint8Array): Binary => {
  const { round, initial } = getConstants();
  const state = initial.slice();
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, bytes.length * 8);
  for (let at = 0; at < padded.length; at += 64) compress(state, view, at, round);
  state.forEach((word, i) => view.setInt32(i * 4, word));
  return toBinary(padded.subarray(0, 32));
};

export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Binary> =>
  bytes.length > OWN_BYTES ? toBinary(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) : own(bytes);
