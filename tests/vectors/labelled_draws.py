"""Draws of made-up text for the labelled entries: one seeded die, so that every run writes the same file."""

import base64
import json
import random
import string
from collections.abc import Callable

ALNUM = string.ascii_letters + string.digits
URL_SAFE = ALNUM + "-_"
HEX = "0123456789abcdef"

Pair = tuple[str, str]
Maker = Callable[[], Pair]
dice = random.Random(20)


def pick(*options: str) -> str:
    """Return one of `options`."""
    return dice.choice(options)


def chars(alphabet: str, count: int) -> str:
    """Return `count` random characters; from ten on there is a digit among the first nine."""
    text = "".join(dice.choice(alphabet) for _ in range(count))
    return text if count < 10 or any(map(str.isdigit, text[:9])) else text[:4] + "7" + text[5:]


def words(count: int, bag: str) -> str:
    """Return `count` random words of `bag`."""
    listed = bag.split()
    return " ".join(dice.choice(listed) for _ in range(count))


def compact(value: object) -> str:
    """Return `value` as JSON.stringify would write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def b64url(value: object) -> str:
    """Return `value` as JSON in unpadded base64url, as JSON web tokens hold their parts."""
    return base64.urlsafe_b64encode(compact(value).encode()).decode().rstrip("=")


def luhn_digit(digits: str) -> str:
    """Return the check digit that belongs behind `digits`."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return str(-sum(number - 9 * (number > 9) for number in doubled) % 10)


def plain_key() -> str:
    """Return a key that tells nothing."""
    return pick("app.state", "note:17", "draft/4", "settings", "cache_3", "lastPage", "persist:root", "user", "data")


def wrapped(secret: str) -> str:
    """Return a value as apps store them, with the secret somewhere inside."""
    return pick(
        secret,
        compact({"v": secret, "at": 1767225600000}),
        compact({"items": [1, {"x": secret}], "open": True}),
        f"see {secret} for more",
        compact(compact({"inner": secret})),
        f"line one\n{secret}\nline three",
    )
