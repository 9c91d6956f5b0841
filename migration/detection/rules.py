"""The rules of `secret_rules.json`, compiled. The browser reads the same file.

Patterns keep to what means the same in JavaScript without the `u` flag and in Python's ASCII mode; the tests
refuse others. `harmless` names parts of keys that are cut out before the key rules are tried, so that
`show_password` passes and `show_password_token` does not.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("secret_rules.json")

# What patterns begin with where a token must not be the tail of a longer word.
_BOUNDARIES = {
    "(?:^|[^A-Za-z0-9])": re.compile("[A-Za-z0-9]"),
    "(?:^|[^0-9A-Za-z_-])": re.compile("[0-9A-Za-z_-]"),
}

# Short bodies of characters that canonical lines never escape.
_UNESCAPED = re.compile(r"(?:[0-9A-Za-z_/ -]|\\\.|\[[0-9A-Za-z_ -]+\]|\{[0-9]{1,2}(?:,[0-9]{1,2})?\}|\(\?[=!:]|\)|\|)+")

# Every key that a key rule or a harmless part matches holds one of these; the tests keep it so.
KEY_HINTS = (
    "pass", "pwd", "contrase", "firebase:auth", "@@auth0", "cognitoid", "msal.", "okta-", "oidc.", "kc-c", "__clerk",
    "pkce", "verifier", "token", "jwt", "bearer", "csrf", "xsrf", "sess", "sid", "secret", "credential",
    "authorization", "string", "key", "otp", "mfa", "2fa", "recovery", "mnemonic", "seed", "pin", "cvv", "cvc",
    "credit", "card", "iban", "ssn", "social",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyRule:
    """A rule about an entry's key."""

    id: str
    why: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ValueRule:
    """A rule about an entry's value.

    `literal` stands in every text the rule matches; without one, the rule is about card numbers. Where the
    pattern is a boundary and then the literal, `body` is the rest and `inside` what must not stand before it:
    finding the literal first is many times faster than a search, and linear whatever the text. `encoded` is the
    body for a payload's bytes, where it says the same about them as about the decoded value.
    """

    id: str
    why: str
    literal: str | None
    pattern: re.Pattern[str]
    body: re.Pattern[str] | None
    encoded: re.Pattern[bytes] | None
    inside: re.Pattern[str] | None
    luhn: bool

    def found_in(self, text: str) -> bool:
        """Tell whether the rule matches anywhere in `text`."""
        if self.literal is not None and self.literal not in text:
            return False
        if self.luhn:
            return any(passes_luhn(match[0]) for match in self.pattern.finditer(text))
        if self.body is None:
            return self.pattern.search(text) is not None
        return self._body_found_in(text, self.body, str(self.literal))

    def _body_found_in(self, text: str, body: re.Pattern[str], literal: str) -> bool:
        at = text.find(literal)
        while at >= 0:
            free = self.inside is None or at == 0 or self.inside.match(text, at - 1) is None
            if free and body.match(text, at):
                return True
            at = text.find(literal, at + 1)
        return False


def passes_luhn(text: str) -> bool:
    """Tell whether the digits of `text`, other characters left out, end in their Luhn check digit."""
    digits = [ord(character) - 48 for character in text if "0" <= character <= "9"]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def _compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | (re.IGNORECASE if ignore_case else 0))


def _key_rule(rule: dict[str, Any]) -> KeyRule:
    pattern = _compiled(rule["pattern"], ignore_case=True)
    return KeyRule(rule["id"], rule["why"], pattern)


def _value_rule(rule: dict[str, Any]) -> ValueRule:
    source, literal = rule["pattern"], rule.get("literal")
    luhn = rule.get("check") == "luhn"
    if luhn is (literal is not None):
        raise ValueError(f"value rule {rule['id']}: either a literal or the Luhn check is needed")
    inside = body = None
    for boundary, before in _BOUNDARIES.items():
        if source.startswith(boundary):
            inside, source = before, source.removeprefix(boundary)
    if literal is not None and source.startswith(literal.replace(".", r"\.")):
        body = _compiled(source)
    encoded = re.compile(source.encode("ascii")) if body and _UNESCAPED.fullmatch(source) else None
    return ValueRule(rule["id"], rule["why"], literal, _compiled(rule["pattern"]), body, encoded, inside, luhn)


_RULES = json.loads(_FILE.read_text(encoding="ascii"))

# A key is judged by name from as many of its first UTF-16 code units as this.
NAME_UNITS: int = _RULES["name_units"]

HARMLESS: re.Pattern[str] = _compiled("|".join(_RULES["harmless"]), ignore_case=True)
KEY_RULES: tuple[KeyRule, ...] = tuple(_key_rule(rule) for rule in _RULES["key_rules"])
VALUE_RULES: tuple[ValueRule, ...] = tuple(_value_rule(rule) for rule in _RULES["value_rules"])
