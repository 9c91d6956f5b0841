import fc from "fast-check";
import { describe, expect, it } from "vitest";
import rules from "../../migration/detection/secret_rules.json" with { type: "json" };
import { createSecretFinder } from "../src/secrets.js";
import { maybeSecret } from "../src/suspicion.js";
import { joined, vectors } from "./support/vectors.js";

/** Texts a rule may hold of: what it looks ahead for only narrows it, and is left out. */
const textsOf = (pattern: string, flags = ""): fc.Arbitrary<string> => {
  const ahead = /\(\?[=!](?:[^()[\]\\]|\\.|\[(?:[^\]\\]|\\.)*\]|\((?:[^()[\]\\]|\\.|\[(?:[^\]\\]|\\.)*\])*\))*\)/g;
  const plain = pattern.replace(ahead, "").replaceAll("[^", "[^\\n");
  const upper = fc.boolean();
  return fc
    .tuple(fc.stringMatching(new RegExp(plain)), upper)
    .map(([text, loud]) => (flags.includes("i") && loud ? text.toUpperCase() : text));
};

const around = fc.constantFrom("", " ", "x", "my.", "-", '{"', "\\\\");

describe("suspicion", () => {
  it.each(rules.key_rules.map((rule): [string, string] => [rule.id, rule.pattern]))(
    "is raised by every name under the rule %s",
    (_, pattern) => {
      fc.assert(
        fc.property(around, textsOf(pattern, "i"), around, (before, name, after) => {
          const key = before + name + after;
          fc.pre(new RegExp(pattern, "i").test(key));
          expect(maybeSecret(key, "")).toBe(true);
        }),
        { numRuns: 300 },
      );
    },
  );

  it.each(rules.value_rules.map((rule, n): [string, (typeof rules.value_rules)[number]] => [`${n} ${rule.id}`, rule]))(
    "is raised by every value under rule %s",
    (_, { pattern, literal = "" }) => {
      fc.assert(
        fc.property(around, textsOf(pattern), around, (before, text, after) => {
          const value = before + text + after + (text.includes(literal) ? "" : literal);
          fc.pre(new RegExp(pattern).test(value));
          expect(maybeSecret("note", value)).toBe(true);
        }),
        { numRuns: 300 },
      );
    },
  );

  it("is raised by whatever the rules find, harmless words among it or not", () => {
    const find = createSecretFinder();
    const words = "pin key token pass has show map count type session id card code - _ @ x less auth cv v".split(" ");
    const names = fc.array(fc.constantFrom(...words), { maxLength: 7 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(names, (name) => {
        if (find(name, "")) expect(maybeSecret(name, "")).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it("passes no secret of the vectors", async () => {
    for (const one of vectors("secrets").cases)
      if (one.rule) expect([one.kind, maybeSecret(joined(one.key), joined(one.value))]).toEqual([one.kind, true]);
  });

  it.each([
    ["todo:1732650000000", '{"id":"a7c2c3d0-53f4-4e6c-9d6d-4a5f5f4f2b11","text":"Buy milk","done":false}'],
    ["shopping-list", '[{"sku":"SK-204","qty":2,"price":19.9}]'],
    ["draft/en", "Dear all,\nthe mapping of task-12 (see https://example.com:8080/a?b=c@d) is done."],
    ["settings.theme", "dark"],
    ["game:save", '{"level":12,"at":"2024-05-06T07:08:09.123Z","score":123456789012}'],
  ])("passes what apps keep day by day: %s", (key, value) => {
    expect(maybeSecret(key, value)).toBe(false);
  });

  it("leaves long values to the rules, which look at them in pieces", () => {
    expect(maybeSecret("note", " ".repeat(100_000))).toBe(false);
    expect(maybeSecret("note", " ".repeat(100_001))).toBe(true);
  });
});
