import { encode } from "../codec.js";
import { problemOf } from "../problem.js";
import { beacon } from "../sync/beacon.js";
import type { Base } from "./base.js";

/** What comparisons found, gathered and sent a little later, together with how the outbox stands. */

export type MismatchReason = "differs" | "absent_local" | "absent_server" | "noise";

export interface Mismatch {
  collection: string;
  key: string;
  reason: MismatchReason;
  local: string | null;
  server: string | null;
}

interface Figures {
  compared: number;
  agreed: number;
  noise: number;
  errors: number;
  ms: number[];
}

export interface Reports {
  /** Adds to a collection's figures. */
  _count(collection: string, figures: Partial<Omit<Figures, "ms">>, ms?: number): void;
  /** Keeps a mismatch, but for secrets: the rules see both values whole, and only then are they cut. */
  _mismatch(found: Mismatch): Promise<void>;
  _flush(leaving?: boolean): Promise<void>;
}

const FLUSH_MS = 10_000;
const MOST_SAMPLES = 64;
const MOST_MISMATCHES = 20;
const MOST_BYTES = 2048;
// A character cut in two becomes one of three bytes.
const CUT_BYTES = MOST_BYTES - 3;
// Sending them is impossible: nothing is kept for later.
const USELESS = /^http_404$|^not_found$|^invalid_body$/;

const decoder = new TextDecoder();

/** Well-formed, and no longer than the server takes. */
const cut = (text: string): string => {
  const bytes = encode(text.slice(0, MOST_BYTES));
  return decoder.decode(bytes.length > MOST_BYTES ? bytes.subarray(0, CUT_BYTES) : bytes);
};

export const createReports = (base: Base): Reports => {
  let lines = new Map<string, Figures>();
  let mismatches: Mismatch[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const of = (collection: string): Figures => {
    const found = lines.get(collection) ?? { compared: 0, agreed: 0, noise: 0, errors: 0, ms: [] };
    lines.set(collection, found);
    timer ??= setTimeout(() => void flush(), base._options.reportInterval ?? FLUSH_MS);
    return found;
  };

  const count: Reports["_count"] = (collection, { compared = 0, agreed = 0, noise = 0, errors = 0 }, ms) => {
    const figures = of(collection);
    figures.compared += compared;
    figures.agreed += agreed;
    figures.noise += noise;
    figures.errors += errors;
    if (ms !== undefined && figures.ms.length < MOST_SAMPLES) figures.ms.push(ms);
  };

  const flush: Reports["_flush"] = async (leaving) => {
    clearTimeout(timer);
    timer = undefined;
    if (!lines.size || (base._signal.aborted && !leaving)) return;
    const [sent, told] = [lines, mismatches];
    lines = new Map();
    mismatches = [];
    try {
      const host = await base._open();
      const outbox = host._view?._pending();
      const _json = {
        epoch: host._config().epoch,
        lines: [...sent].map(([collection, figures]) => ({ collection, ...figures })),
        mismatches: told,
        ...(outbox && { outbox: beacon(outbox) }),
      };
      await host._net._send("POST", "/comparisons", { _json, _keep: leaving });
    } catch (thrown) {
      if (USELESS.test(problemOf(thrown).code)) return;
      for (const [collection, { ms, ...figures }] of sent) {
        count(collection, figures);
        for (const one of ms) count(collection, {}, one);
      }
      mismatches = [...told, ...mismatches].slice(0, MOST_MISMATCHES);
    }
  };

  return {
    _count: count,
    async _mismatch(found) {
      const { key, local, server } = found;
      const judge = base._judge();
      if ((await judge(key, local ?? "")) || (await judge(key, server ?? ""))) return;
      if (mismatches.length >= MOST_MISMATCHES) return;
      mismatches.push({ ...found, key: cut(key), local: local && cut(local), server: server && cut(server) });
    },
    _flush: flush,
  };
};
