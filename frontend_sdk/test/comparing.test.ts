import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agree } from "../src/cutover/comparing.js";
import type { CompareRules } from "../src/types.js";

const JSON_RULES: CompareRules = { rate: 1, ignore: [], comparator: "json" };
const EXACT: CompareRules = { rate: 1, ignore: [], comparator: "exact" };
const ignoring = (...ignore: string[]): CompareRules => ({ rate: 1, ignore, comparator: "exact" });

// Names that mean something to the language, to pointers or to numbers.
const names = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "a/b", "m~n", "~1", "0", "10", "n1", ""));
const numbers = fc.oneof(
  fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: -400, max: 400 })).map(([digits, power]) => `${digits}e${power}`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom("0", "-0", "0.0", "1e400", "2e400", "9007199254740992", "9007199254740993", "1E+2", "100"),
);
type Shape = string | { array: Shape[] } | { object: [string, Shape][] };
const shapes: fc.Arbitrary<Shape> = fc.letrec<{ value: Shape }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    numbers,
    fc.constantFrom("true", "null"),
    fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
    fc.array(tie("value"), { maxLength: 4 }).map((array) => ({ array })),
    fc
      .uniqueArray(fc.tuple(names, tie("value")), { selector: ([name]) => name, maxLength: 5 })
      .map((object) => ({ object })),
  ),
})).value;
const spaces = fc.array(fc.constantFrom("", " ", "\n", "\t "), { minLength: 1, maxLength: 7 });

/** Writes a value down; `turn` puts members in another order, `space` goes around every token. */
const write = (shape: Shape, turn = 0, space: string[] = [""]): string => {
  let place = 0;
  const gap = () => space[place++ % space.length]!;
  const put = (one: Shape): string => {
    if (typeof one === "string") return gap() + one + gap();
    if ("array" in one) return `[${one.array.map(put).join(",")}]`;
    const at = one.object.length ? turn % one.object.length : 0;
    const members = [...one.object.slice(at), ...one.object.slice(0, at)];
    return `{${members.map(([name, value]) => gap() + JSON.stringify(name) + gap() + ":" + put(value)).join(",")}}`;
  };
  return put(shape);
};

/** The same number as a fraction; exact. */
const fraction = (text: string): [bigint, bigint] => {
  const [mantissa, power = "0"] = text.toLowerCase().split("e") as [string, string?];
  const [whole, part = ""] = mantissa.split(".") as [string, string?];
  const exponent = Number(power) - part.length;
  const digits = BigInt(whole.replace("-", "") + part) * (whole.startsWith("-") ? -1n : 1n);
  return exponent < 0 ? [digits, 10n ** BigInt(-exponent)] : [digits * 10n ** BigInt(exponent), 1n];
};

describe("two values", () => {
  it("agree in whatever order their members stand and however they are spaced, where the comparator says so", () => {
    fc.assert(
      fc.property(shapes, fc.nat(9), spaces, (shape, turn, space) => {
        const [here, there] = [write(shape), write(shape, turn, space)];
        expect(agree(here, there, JSON_RULES)).toBe(true);
        expect(agree(here, there, EXACT)).toBe(here === there);
      }),
    );
  });

  it("agree where they differ only in what is ignored, and where it is missing on one side", () => {
    const escaped = (name: string) => name.replace(/~/g, "~0").replace(/\//g, "~1");
    fc.assert(
      fc.property(fc.array(names, { minLength: 1, maxLength: 4 }), shapes, shapes, fc.boolean(), (path, one, other, missing) => {
        const around = (value: Shape | undefined) =>
          path.reduceRight<Shape | undefined>(
            (inner, name) => ({ object: [["beside" + name, "1"], ...(inner === undefined ? [] : [[name, inner] as [string, Shape]])] }),
            value,
          )!;
        const [here, there] = [write(around(one)), write(around(missing ? undefined : other))];
        expect(agree(here, there, ignoring("/" + path.map(escaped).join("/")))).toBe(true);
        expect(agree(here, there, ignoring("/elsewhere"))).toBe(!missing && agree(write(one), write(other), JSON_RULES));
      }),
    );
  });

  it("agree in a number only where it is the very same number", () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const [[p, q], [r, s]] = [fraction(a), fraction(b)];
        expect(agree(`[${a}]`, `[${b}]`, JSON_RULES)).toBe(p * s === r * q);
      }),
    );
    expect(agree("9007199254740992", "9007199254740993", JSON_RULES)).toBe(false);
    expect(agree("1e400", "2e400", JSON_RULES)).toBe(false);
    expect(agree("1e400", "null", JSON_RULES)).toBe(false);
    expect(agree('"1"', "1", JSON_RULES)).toBe(false);
    expect(agree("1.50e1", "15", JSON_RULES)).toBe(true);
  });

  it("never throw, whatever they are and whatever is ignored, say the same both ways and change nothing of the page's", () => {
    const texts = fc.oneof(fc.string({ unit: "binary" }), shapes.map((shape) => write(shape)), fc.constantFrom("1e", "[", '{"a":1', "-", "\ufeff1", '"\\'));
    const pointers = fc.array(fc.oneof(fc.string(), fc.constantFrom("", "/", "/__proto__/toString", "/constructor/prototype", "/0", "/length", "/~2")), { maxLength: 4 });
    const lent = Reflect.ownKeys(Object.prototype);
    fc.assert(
      fc.property(texts, texts, pointers, fc.constantFrom("json" as const, "exact" as const), (a, b, ignore, comparator) => {
        const rules = { rate: 1, ignore, comparator };
        expect(agree(a, b, rules)).toBe(agree(b, a, rules));
        expect(agree(a, a, rules)).toBe(true);
        expect(agree(a, null, rules)).toBe(false);
      }),
    );
    expect(Reflect.ownKeys(Object.prototype)).toEqual(lent);
  });

  it("may be as deep and as large as storage holds", () => {
    const deep = (inner: string) => "[".repeat(100_000) + inner + "]".repeat(100_000);
    expect(agree(deep("1"), deep("2"), JSON_RULES)).toBe(false);
    const large = (space: string) => `{"a":"${'\\"'.repeat(1_200_000)}",${space}"b":1}`;
    expect(agree(large(""), large(" "), JSON_RULES)).toBe(true);
  });
});
