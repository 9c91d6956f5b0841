import rules from "../../migration/detection/secret_rules.json";
import { breathe } from "./pace.js";

/** Recognises secrets by the same rule file the server reads; a rule is tried in the file's order. */

interface Rule {
  id: string;
  pattern: string;
  why: string;
  literal?: string;
  check?: string;
}

type Finding = Rule | undefined;

// Searching more than this for some forty rules at once would be felt.
const LONG_VALUE = 1 << 17;

// Names are judged in either case, values as they are.
const IN_NAMES = "gi";
const IN_VALUES = "g";

const isLuhn = (text: string): boolean =>
  text
    .replace(/\D/g, "")
    .split("")
    .reverse()
    .reduce((sum, digit, i) => sum + (i % 2 ? +digit * 2 - (+digit > 4 ? 9 : 0) : +digit), 0) %
    10 ===
  0;

/** Each rule as a test. Searching for a literal is far cheaper than a pattern over megabytes. */
const tests = (list: Rule[], flags: string): [Rule, (text: string) => boolean][] =>
  list.map((rule) => {
    const { literal, check } = rule;
    const pattern = new RegExp(rule.pattern, flags);
    const search = (text: string) => (check ? (text.match(pattern) ?? []).some(isLuhn) : text.search(pattern) >= 0);
    return [rule, (text) => (!literal || text.includes(literal)) && search(text)];
  });

/** A function that names the rule a pair falls under, if any; for long values it takes pauses. */
export const createSecretFinder = (): ((key: string, value: string) => Finding | Promise<Finding>) => {
  const harmless = new RegExp(rules.harmless.join("|"), IN_NAMES);
  const ofKeys = tests(rules.key_rules, IN_NAMES);
  const ofValues = tests(rules.value_rules, IN_VALUES);
  const patiently = async (value: string): Promise<Finding> => {
    for (const [rule, matches] of ofValues) {
      await breathe();
      if (matches(value)) return rule;
    }
    return;
  };
  return (key, value) => {
    const name = key.slice(0, rules.name_units).replace(harmless, " ");
    const named = ofKeys.find(([, matches]) => matches(name))?.[0];
    if (named || value.length > LONG_VALUE) return named ?? patiently(value);
    return ofValues.find(([, matches]) => matches(value))?.[0];
  };
};
