import { merged, type Counted, type Texts, type TextsOverride } from "./texts.js";
import type { CollectionBreakdown, MigrationError, ValueType, WithheldEntry } from "../types.js";

/** Turns facts into words: numbers, sizes, times, codes. */
export interface Words {
  texts: Texts;
  /** Puts values into a text; `count` chooses among its plurals. */
  fill(text: Counted, values?: Record<string, string | number>): string;
  number(value: number): string;
  size(bytes: number): string;
  /** A single duration in ms. */
  time(ms: number): string;
  /** A range of durations in ms. */
  range(min: number, max: number): string;
  moment(at: string | number): string;
  kinds(types: CollectionBreakdown["types"]): string;
  why(entry: WithheldEntry): string;
  trouble(error: { code: string; detail?: string }): string;
  error(error: MigrationError): string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
// Beyond this many seconds minutes read better.
const MANY_SECONDS = 90;
const UNITS = ["byte", "kilobyte", "megabyte"] as const;
const KINDS_NAMED = 2;
const KEY_SHOWN = 40;

/** Seconds since 1970 or ISO text; the server's statement has either. */
const dateOf = (at: string | number): Date => new Date(typeof at === "number" ? at * SECOND : at);

/** A key as a person can read it: short, and without what would break the line. */
export const readable = (key: string): string => {
  const plain = key.replace(/[\p{C}\s]+/gu, "␣") || "(empty key)";
  return plain.length > KEY_SHOWN ? `${plain.slice(0, KEY_SHOWN - 1)}…` : plain;
};

export const words = (own?: TextsOverride | null, language?: string): Words => {
  const texts = merged(own);
  const locale = usable(language);
  const plain = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const plural = new Intl.PluralRules(locale);
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

  const number = (value: number) => plain.format(Math.round(value));
  const fill: Words["fill"] = (text, values = {}) => {
    const form = typeof text === "string" ? text : (text[plural.select(Number(values.count))] ?? text.other);
    return form.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      return typeof value === "number" ? number(value) : (value ?? "");
    });
  };
  const size = (bytes: number): string => {
    const step = bytes < 1000 ? 0 : bytes < 1e6 ? 1 : 2;
    const scaled = bytes / 1000 ** step;
    const digits = scaled < 10 && step ? 1 : 0;
    const unit = UNITS[step];
    const unitDisplay = step ? "short" : "long";
    return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay, maximumFractionDigits: digits }).format(scaled);
  };
  const time = (ms: number): string => {
    if (ms < SECOND) return texts.soon;
    const seconds = Math.round(ms / SECOND);
    if (seconds <= MANY_SECONDS) return fill(texts.seconds, { n: seconds });
    return fill(texts.minutes, { n: Math.round(ms / MINUTE) });
  };
  const range = (min: number, max: number): string => {
    if (max < SECOND) return texts.soon;
    const inSeconds = max <= MANY_SECONDS * SECOND;
    const unit = inSeconds ? SECOND : MINUTE;
    const [least, most] = [Math.max(1, Math.floor(min / unit)), Math.max(1, Math.ceil(max / unit))];
    const n = least < most ? `${number(least)}–${number(most)}` : number(most);
    return fill(inSeconds ? texts.seconds : texts.minutes, { n });
  };
  const kinds: Words["kinds"] = (types) => {
    const found = new Map<string, number>();
    for (const [type, count] of Object.entries(types) as [ValueType, number][]) {
      const name = texts.types[type] ?? type;
      found.set(name, (found.get(name) ?? 0) + count);
    }
    const named = [...found].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    return named.slice(0, KINDS_NAMED).join(", ") + (named.length > KINDS_NAMED ? ", …" : "");
  };
  const trouble: Words["trouble"] = ({ code, detail }) =>
    texts.errors[code] ?? (detail && detail !== code ? detail : fill(`${texts.errors.internal} ({code})`, { code }));
  return {
    texts,
    fill,
    number,
    size,
    time,
    range,
    kinds,
    trouble,
    moment: (at) => (Number.isNaN(dateOf(at).getTime()) ? String(at) : moment.format(dateOf(at))),
    why: ({ why, rule }) => texts.why[why] ?? texts.why[rule] ?? why,
    error: (error) => (error.key === undefined ? trouble(error) : `${readable(error.key)}: ${trouble(error)}`),
  };
};

/** The page's language if the engine knows what it is, else the browser's own. */
const usable = (language?: string): string | undefined => {
  try {
    return language && Intl.getCanonicalLocales(language)[0];
  } catch {
    return undefined;
  }
};
