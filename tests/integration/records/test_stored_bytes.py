r"""JavaScript, Python and Postgres agree on lines, fingerprints and on what JSON is.

All 65,536 code units singly, then generated strings. JavaScript runs for real, where the vectors' generator would.
"""

import json
import random
import shutil
import subprocess
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.mapping import all_in, map_rows
from migration.values.digests import from_wire, to_wire
from migration.values.forms import LITERAL, VERBATIM, form_of
from migration.values.lines import Lines, decode_line, encode_line, text_of

pytestmark = pytest.mark.django_db

Entry = tuple[str, str | None]
FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS = json.loads((FOLDER / "lines.json").read_text())["cases"]
SETS = json.loads((FOLDER / "digests.json").read_text())["sets"]
UNITS = [chr(unit) for unit in range(0x10000)]

# Any code unit; the awkward ones and JSON's own punctuation more often than chance would have them.
awkward = st.sampled_from([*'"\\/bfnrtu0d8{}[]:,-+.eE', "\x00", "\x1f", "\x7f", "\u2028", "\ufeff", "\ud800", "\udfff"])
any_text = st.lists(st.one_of(awkward, st.integers(0, 0x10FFFF).map(chr)), max_size=30).map("".join)


def joined(text: str) -> str:
    """Return the string as Python holds it once it came through JSON: surrogates side by side are one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def stored_and_back(entries: list[Entry]) -> list[tuple[str, str | None, bytes]]:
    """Store entries as the loader does; return them as read back, with the fingerprint Postgres makes of them."""
    # As the browser sees them: what Python keeps as two surrogates side by side is one character there.
    whole = [(joined(key), None if value is None else joined(value)) for key, value in entries]
    rows = map_rows(Lines.of(decode_line(encode_line(key, value)) for key, value in whole), label_all=all_in("x"))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS kept (ordinal int, key_json text, form smallint, value json)"
        )
        cursor.execute("DELETE FROM kept")
        with cursor.copy("COPY kept FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "text", "int2", "json"])
            for row in rows:
                value = None if row.value is None else _Raw(row.value.decode())
                copy.write_row((row.ordinal, row.key_json.decode(), row.form, value))
        cursor.execute(
            """SELECT key_json, form, value::text, migration_fingerprint(key_json, form, value)
               FROM kept ORDER BY ordinal"""
        )
        found = cursor.fetchall()
    return [
        (text_of(key_json), text if text is None or form == VERBATIM else text_of(text), bytes(mark))
        for key_json, form, text, mark in found
    ]


def _Raw(text: str) -> object:  # noqa: N802 - reads as psycopg's own wrapper
    from psycopg.types.json import Json

    return Json(text, dumps=str)


def check(entries: list[Entry]) -> None:
    for (key, value), (read_key, read_value, mark) in zip(entries, stored_and_back(entries), strict=True):
        assert read_key == joined(key)
        assert read_value == (None if value is None else joined(value))
        assert mark == sha256(encode_line(joined(key), read_value)).digest()


class TestStoredBytes:
    def test_give_back_every_code_unit_as_key_and_as_value(self) -> None:
        check([(unit, f"<{unit}>") for unit in UNITS])

    def test_give_back_every_code_unit_inside_a_json_text(self) -> None:
        check([(f"k{unit}", f'{{"a":"{unit}"}}') for unit in UNITS])

    def test_give_back_every_escape_of_a_code_unit(self) -> None:
        check([("k", f'"\\u{unit:04x}"') for unit in range(0x10000)])

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(any_text, st.one_of(st.none(), any_text)), min_size=1, max_size=60))
    def test_give_back_any_string(self, entries: list[Entry]) -> None:
        check(entries)

    def test_give_back_deep_and_wide_values(self) -> None:
        values = ["[" * depth + "]" * depth for depth in (127, 128, 129, 1000, 5000, 100_000)]
        check(
            [(str(place), value) for place, value in enumerate([*values, '"' + "x" * 5_000_000 + '"', "x" * 5_000_000])]
        )


class TestVectors:
    @pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["about"])
    def test_of_lines_are_what_postgres_makes_of_the_stored_bytes(self, case: dict[str, Any]) -> None:
        key, value = _of_units(case["key"]), None if case["value"] is None else _of_units(case["value"])
        assert to_wire(stored_and_back([(key, value)])[0][2]) == case["fingerprint"]
        row = map_rows(Lines.of([decode_line(b64decode(case["line"]))]), label_all=all_in("x"))[0]
        assert (to_wire(row.fingerprint), to_wire(row.key_hash)) == (case["fingerprint"], case["key_hash"])

    @pytest.mark.parametrize("case", SETS, ids=lambda case: case["about"])
    def test_of_digests_are_what_postgres_aggregates(self, case: dict[str, Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT sha256(coalesce(string_agg(one, ''::bytea ORDER BY one), ''))
                   FROM unnest(%s::bytea[]) AS one""",
                [[from_wire(mark) for mark in case["fingerprints"]]],
            )
            assert to_wire(bytes(cursor.fetchone()[0])) == case["digest"]


def _of_units(units: list[int]) -> str:
    return joined("".join(map(chr, units)))


class TestJavaScript:
    def test_writes_the_same_lines(self) -> None:
        node = shutil.which("node")
        assert node, "Node is needed: the canonical line is defined by its JSON.stringify"
        program = """
        const { createHash } = require("node:crypto");
        const hash = createHash("sha256");
        const add = (...parts) => hash.update(JSON.stringify(parts) + "\\n");
        for (let unit = 0; unit < 65536; unit++) {
          const c = String.fromCharCode(unit);
          add(c, "<" + c + ">"); add("k" + c); add(c + c, "\\ud83d" + c + "\\ude00");
        }
        process.stdout.write(hash.digest("hex"));
        """
        told = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True).stdout
        ours = sha256()
        for unit in UNITS:
            for key, value in ((unit, f"<{unit}>"), (f"k{unit}", None), (unit + unit, f"\ud83d{unit}\ude00")):
                ours.update(encode_line(joined(key), None if value is None else joined(value)) + b"\n")
        assert told == ours.hexdigest()


def _json_like(draw: random.Random, depth: int = 0) -> str:
    kind = draw.randrange(9 if depth < 4 else 6)
    if kind < 6:
        leaf = [
            "null",
            "true",
            "-0",
            "1e400",
            str(draw.random()),
            json.dumps(draw.choice(["a", "\x00", "\ud800", "é"])),
        ]
        return leaf[kind]
    inner = [_json_like(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 6:
        return "[" + draw.choice([",", " , ", ",\n"]).join(inner) + "]"
    return "{" + ",".join(f'"m{draw.randrange(3)}":{one}' for one in inner) + "}"


def _damaged(draw: random.Random, text: str) -> str:
    place = draw.randrange(len(text) + 1)
    return (
        text[:place]
        + draw.choice([*'{}[]",:\\u0d8.eE+- \n\t\x01\x0b\xa0', "NaN", "//", "'"])
        + text[place + draw.randrange(2) :]
    )


# fmt: off
EDGES = [
    "", " ", "\ufeff1", "01", "1.", ".5", "+1", "1e", "-", "--1", "nul", "NaN", "Infinity", "1 2", '"\t"', '"\x7f"',
    '"\\x"', '"\\u12"', '"\\u123g"', '"\\ud83d\\ude00"', '"\\ude00\\ud83d"', "\v1", "\xa01", "1\f", "[1,]",
    '{"a":1,}', "{1:2}", "[", '"', "tru\\u0065", '{"\\u0000":1}', "9" * 400, "1e99999", "-0.0e-0",
]
# fmt: on


class TestTheForm:
    def test_is_verbatim_exactly_where_postgres_takes_json(self) -> None:
        draw = random.Random(7)
        texts = [_json_like(draw) for _ in range(1500)]
        texts += [_damaged(draw, text) for text in texts] + [_damaged(draw, _damaged(draw, text)) for text in texts]
        texts += EDGES
        storable = [text for text in dict.fromkeys(texts) if "\x00" not in text]
        storable = [text for text in storable if not any("\ud800" <= one <= "\udfff" for one in text)]
        taken = _taken_by_postgres(storable)
        ours = {text: form_of(text).form for text in storable}
        wrong = [text for text in storable if (ours[text] == VERBATIM) != taken[text]]
        assert wrong == []
        assert LITERAL in ours.values()
        assert VERBATIM in ours.values()

    def test_is_queryable_exactly_where_postgres_can_read_every_string(self) -> None:
        draw = random.Random(11)
        texts = {_json_like(draw) for _ in range(2000)} | {
            '"\\\\u0000"',
            '"\\ud83d\\ude00"',
            '"\\ud83d"',
            '["\\\\\\u0000"]',
        }
        verbatim = [text for text in texts if form_of(text).form == VERBATIM]
        readable = _readable_by_postgres(verbatim)
        # Duplicate members hide nothing: each string of the text counts.
        wrong = [text for text in verbatim if form_of(text).queryable != readable[text]]
        assert wrong == []


_TRY = """
CREATE FUNCTION pg_temp.takes(kept text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM kept::json; RETURN true; EXCEPTION WHEN others THEN RETURN false; END $$;
CREATE FUNCTION pg_temp.reads(kept text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM kept::jsonb; RETURN true; EXCEPTION WHEN others THEN RETURN false; END $$
"""


def _taken_by_postgres(texts: list[str]) -> dict[str, bool]:
    return _ask("takes", texts)


def _readable_by_postgres(texts: list[str]) -> dict[str, bool]:
    """jsonb reads every string there is; a number it cannot hold is replaced, for numbers are read as text."""
    plain = {text.replace("1e400", "1"): text for text in texts}
    return {plain[text]: readable for text, readable in _ask("reads", list(plain)).items()}


def _ask(function: str, texts: list[str]) -> dict[str, bool]:
    with connection.cursor() as cursor:
        cursor.execute(_TRY)
        cursor.execute(f"SELECT t, pg_temp.{function}(t) FROM unnest(%s::text[]) AS t", [texts])
        return dict(cursor.fetchall())
