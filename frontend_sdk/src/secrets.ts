import rules from "../../migration/detection/secret_rules.json";

/** Recognises secrets by the same rule file the server reads; a rule is tried in the file's order. */

interface Rule {
  id: string;
  pattern: string;
  why: string;
  ignore_case?: boolean;
  literal?: string;
  check?: string;
}

export type Finding = Pick<Rule, "id" | "why">;

const compile = (pattern: string, ignoreCase?: boolean): RegExp => new RegExp(pattern, ignoreCase ? "gi" : "g");

const isLuhn = (text: string): boolean =>
  text
    .replace(/\D/g, "")
    .split("")
    .reverse()
    .reduce((sum, digit, i) => sum + (i % 2 ? +digit * 2 - (+digit > 4 ? 9 : 0) : +digit), 0) %
    10 ===
  0;

const finder = (list: Rule[]): ((text: string) => Rule | undefined) => {
  const compiled = list.map((rule): [Rule, RegExp] => [rule, compile(rule.pattern, rule.ignore_case)]);
  return (text) =>
    compiled.find(
      ([{ literal, check }, pattern]) =>
        // Searching for a literal is far cheaper than a pattern over megabytes.
        (!literal || text.includes(literal)) &&
        (check ? (text.match(pattern) ?? []).some(isLuhn) : text.search(pattern) >= 0),
    )?.[0];
};

/** A function that names the rule a pair falls under, if any. Compiled on first use: importing does nothing. */
export const createSecretFinder = (): ((key: string, value: string) => Finding | undefined) => {
  const harmless = compile(rules.harmless.join("|"), true);
  const inKey = finder(rules.key_rules);
  const inValue = finder(rules.value_rules);
  return (key, value) => inKey(key.replace(harmless, " ")) ?? inValue(value);
};
