"""Everything localStorage can hold, the same in every run.

Strings are Python's normal form of JavaScript's: a pair of surrogates is one character, a lone one is itself.
"""

import json
import random
import string
from collections.abc import Iterator

from e2e.ledger import normal

SEED = 20_261_122
QUOTA = 5_242_880
GENERATED = 10_000

# What objects have of their own, what storages have, and what a careless reader takes for something else.
NAMES = (
    "", " ", "\t", "\n", "\x00", "a\x00b", "\ufeff", "\ufeffkey", "\u2028", "\u2029", "\u200b", "\ue000", "\uffff",
    "__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf",
    "propertyIsEnumerable", "toLocaleString", "__defineGetter__", "__lookupGetter__", "length", "key", "getItem",
    "setItem", "removeItem", "clear", "0", "1", "-1", "00", "1e3", "4294967295", "null", "undefined", "true", "NaN",
    "caf\u00e9", "cafe\u0301", "\u00c5", "A\u030a", "\u212b", "ﬁ", "fi", "👩‍👩‍👧", "🏳️‍🌈", "木漏れ日", "שלום",
    "a\u202eb",
    "\ud800", "\udfff", "\udc00\ud800", "x\ud800", "\udc00x", "\U0010ffff", "\U00010000", "key:*", "%00", "\\", '"',
    "'", "note:1", "NOTE:1", "note:1 ", "../../etc", "<script>alert(1)</script>", "k" * 2_000,
)  # fmt: skip
VALUES = (
    "", " ", "\x00", "\ufeff", "\ufeff1", "1", " 1", "1 ", "1\n", "hello", '"hello"', "'hello'", "null", '"null"',
    "undefined",
    "true", "True", "-0", "0", "-0.0", "1.10e2", "110", "1e400", "-1e400", "1E5", "1e-400", "9007199254740993",
    "123456789012345678901234567890", "0.1", "0.10", ".5", "5.", "01", "+1", "0x10", "NaN", "Infinity",
    '{"a":1,"a":2}', '{"b":1,"aa":2,"a":3}', '{"a":1.0}', '{ "a" : 1 }', "{}", "[]", "[1,2", "{", '{"a"}', "nul", "tru",
    '{"a":"\\u0000"}', '"\\ud800"', '"\\uD800"', '"\\udc00\\ud800"', '"\\u00e9"', '"é"', '"e\u0301"', '"\x7f"',
    '"a\tb"',
    '"\\/"', '"/"', "\\", '"\\"', "\u2028", '"\u2028"', '{"__proto__":{"polluted":true}}', "\ud800", "\udc00\ud800",
    '"\ud800"', "\ud83d", "\ude00\ud83d", "a\r\nb", "1\x00", '"\\""', json.dumps(json.dumps({"twice": 1})),
    "[" * 100 + "]" * 100, "[" * 128 + "]" * 128, "[" * 129 + "]" * 129, "[" * 3_000 + "]" * 3_000, "[" * 3_000,
    "2026-11-22T10:00:00.000Z", "8f14e45f-ceea-467f-a83c-4a1d5d2b7c11", "data:text/plain;base64,aGFsbG8=", "é" * 1_000,
)  # fmt: skip
# Alphabets that break things, and how many of the generated strings come from each.
ALPHABETS: tuple[tuple[str, int], ...] = (
    (string.printable, 3),
    ("".join(map(chr, range(0x20))) + '"\\/', 2),
    ("".join(map(chr, [*range(0xD7F0, 0xE010)])), 3),
    ("".join(map(chr, [0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0x61, 0x22])), 3),
    ("".join(map(chr, [0x0, 0xFEFF, 0xFFFE, 0xFFFF, 0x2028, 0x2029, 0x301, 0x65, 0xE9])), 2),
    ('{}[]:,"\\0123456789eE+-. truefalsn', 3),
)


def every_unit() -> dict[str, str]:
    """Return all 65,536 code units, each alone as a key and alone as a value."""
    return {chr(unit): chr((unit * 31 + 7) % 0x10000) for unit in range(0x10000)}


def named() -> dict[str, str]:
    """Return the keys and values that have a story."""
    keys = {name: f"value of {number}" for number, name in enumerate(NAMES)}
    return keys | {f"value:{number}": value for number, value in enumerate(VALUES)}


def generated(count: int = GENERATED, *, seed: int = SEED) -> dict[str, str]:
    """Return strings drawn at random, keys and values alike."""
    draw = random.Random(seed)
    texts = _texts(draw)
    entries: dict[str, str] = {}
    while len(entries) < count:
        # The number keeps keys apart from each other and from the named ones.
        entries[normal(f"{len(entries)}:{next(texts)[:60]}")] = next(texts)
    return entries


def everything() -> dict[str, str]:
    """Return all of the above as one profile can hold it."""
    entries = every_unit() | named() | generated()
    # Where a named key took the place of a unit, the value it had is missing.
    lost = set(every_unit().values()) - set(entries.values())
    return entries | {f"unit:{ord(unit):04x}": unit for unit in lost}


def one_huge(*, seed: int = SEED) -> dict[str, str]:
    """Return a single value that fills the quota to the last code unit."""
    draw = random.Random(seed)
    letters = string.ascii_letters + string.digits + "  éß漢\ud800"
    return {"k": normal("".join(draw.choices(letters, k=QUOTA - 1)))}


def many_tiny(count: int = 100_000) -> dict[str, str]:
    """Return very many very small entries."""
    return {f"t{n}": str(n % 10) for n in range(count)}


def subset(count: int = 200) -> dict[str, str]:
    """Return everything named, and of the rest a sample."""
    rest = list((every_unit() | generated(1_000)).items())
    chosen = random.Random(SEED).sample(rest, count - len(named()))
    return named() | dict(chosen)


def units(text: str) -> int:
    """Return the length as JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _texts(draw: random.Random) -> Iterator[str]:
    alphabets, weights = zip(*ALPHABETS, strict=True)
    while True:
        alphabet = draw.choices(alphabets, weights)[0]
        # Mostly short, now and then long.
        length = int(draw.paretovariate(0.9) * 4) % 600
        yield normal("".join(draw.choices(alphabet, k=length)))
