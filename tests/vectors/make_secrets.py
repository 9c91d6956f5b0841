"""Writes `secrets.json`: labelled entries that JavaScript and Python must judge alike.

    python -m tests.vectors.make_secrets > tests/vectors/secrets.json

Every secret is made up: random characters of a fixed seed behind the prefix such secrets have. Keys and values
are stored in short pieces (a reader joins them), so that the file itself holds nothing that looks like one.

A case: `secret` says what a human would (the label), `named` whether its kind is one we promise to recognise,
`rule` what the rules must answer. Where label and rule differ, the case records a known limit.
"""

import json
import sys
from collections.abc import Iterator

from tests.vectors.labelled_draws import pick
from tests.vectors.labelled_harmless import FALSE_ALARMS, HARMLESS, LOOK_ALIKES, ODD_STRINGS, text
from tests.vectors.labelled_secrets import NAMED, UNNAMED

PIECE = 9
PER_KIND = 12
MORE_HARMLESS = 7
"""Of each harmless kind this many more than it names, so that there are as many harmless values as secrets."""
ABOUT = "Join the pieces of key and value. rule: what both detectors answer (null: nothing). Made by make_secrets.py."


def secrets() -> Iterator[dict[str, object]]:
    """Yield the secrets, those we promise to recognise first."""
    for kind, rule, make in NAMED:
        for _ in range(PER_KIND):
            yield case(kind, *make(), rule=rule, secret=True, named=True)
    for kind, make in UNNAMED:
        for _ in range(PER_KIND):
            yield case(kind, *make(), secret=True)


def harmless() -> Iterator[dict[str, object]]:
    """Yield what holds no secret, the known false alarms among it."""
    for kind, count, make in HARMLESS:
        for _ in range(count + MORE_HARMLESS):
            yield case(kind, *make())
    for key in LOOK_ALIKES.split():
        yield case("look-alike name", key, pick("true", "3", "[]", text(2)))
    for rule, key, value, kind in FALSE_ALARMS:
        yield case(kind, key, value, rule=rule)
    for key, value in ODD_STRINGS:
        yield case("odd strings", key, value)


def case(
    kind: str, key: str, value: str, *, rule: str | None = None, secret: bool = False, named: bool = False
) -> dict[str, object]:
    """Return one case with key and value in pieces."""
    return {"kind": kind, "secret": secret, "named": named, "rule": rule, "key": pieces(key), "value": pieces(value)}


def pieces(whole: str) -> list[str]:
    """Return `whole` cut so short that no scanner of secrets knows it."""
    return [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]


def document() -> str:
    """Return the file's whole text. Only the first call of an interpreter returns what the file holds."""
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in (*secrets(), *harmless()))
    return f'{{"about":{json.dumps(ABOUT)},\n"cases":[\n{lines}\n]}}\n'


if __name__ == "__main__":
    sys.stdout.write(document())
