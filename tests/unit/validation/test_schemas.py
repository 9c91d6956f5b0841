"""A schema is input too: hostile ones are refused before they cost anything, and reasons quote nothing of a value."""

import json
import socket
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.errors import SchemaInvalid
from migration.validation import SchemaMismatch, ValidationService, compile_schema
from migration.values.lines import decode_line, decode_lines, encode_line

SECRET = "hunter2-zebra"


def nested(times: int) -> str:
    return '{"not":' * times + "{}" + "}" * times


def doubling(times: int) -> str:
    """A schema of a few hundred bytes that is 2^times parts once its references are followed."""
    parts: dict[str, Any] = {"d0": {"type": "string"}}
    for number in range(1, times):
        both = {"$ref": f"#/$defs/d{number - 1}"}
        parts[f"d{number}"] = {"allOf": [both, both]}
    return json.dumps({"$defs": parts, "$ref": f"#/$defs/d{times - 1}"})


HOSTILE = {
    "a remote reference": '{"$ref":"https://example.com/schema"}',
    "a file": '{"properties":{"a":{"$ref":"file:///etc/passwd"}}}',
    "a relative reference": '{"$ref":"other.json#/a"}',
    "a base elsewhere": '{"$id":"https://example.com/","$ref":"#/$defs/a","$defs":{"a":{}}}',
    "an anchor": '{"$anchor":"a"}',
    "a dynamic reference": '{"$dynamicRef":"#a"}',
    "itself": '{"$ref":"#"}',
    "a circle": '{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}',
    "a circle through members": '{"$defs":{"n":{"properties":{"n":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}',
    "a reference to nothing": '{"$ref":"#/$defs/none"}',
    "a reference in percent": '{"$ref":"#/%24defs/a"}',
    "a billion parts": doubling(40),
    "ten megabytes": json.dumps({"description": "x" * 10_000_000}),
    "depth": nested(2_000),
    "depth in arrays": "[" * 100_000,
    "a look-around": '{"pattern":"(?=a)b"}',
    "a back-reference": '{"pattern":"(a)\\\\1"}',
    "a giant pattern": '{"pattern":"(a{1000}){1000}"}',
    "an unknown type": '{"type":"strin"}',
    "a negative length": '{"maxLength":-1}',
    "another dialect": '{"$schema":"http://json-schema.org/draft-07/schema#"}',
    "no number": '{"minimum":NaN}',
    "a number without end": '{"minimum":1e400}',
    "digits without end": '{"minimum":' + "9" * 9_000 + "}",
    "half a character": '{"const":"\\ud800"}',
    "no object": "true",
    "no JSON": "type: object",
    "nothing": "",
}


class TestSchemas:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_that_are_hostile_are_refused_at_once(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a schema opened a connection"))
        start = time.process_time()
        with pytest.raises(SchemaInvalid) as refused:
            compile_schema(HOSTILE[name])
        assert refused.value.code == "schema_invalid"
        assert len(refused.value.detail) < 500
        assert time.process_time() - start < 2

    @pytest.mark.parametrize(
        "text",
        [
            "{}",
            '{"properties":{"$ref":{"type":"string"},"$id":{"type":"string"}}}',
            '{"$defs":{"a/b":{"type":"string"}},"items":{"$ref":"#/$defs/a~1b"}}',
            '{"allOf":[{"type":"string"}],"items":{"$ref":"#/allOf/0"}}',
            doubling(10),
            nested(20),
        ],
    )
    def test_that_are_only_unusual_are_taken(self, text: str) -> None:
        assert compile_schema(text).version == 0

    def test_with_a_catastrophic_pattern_cost_what_the_value_is_long(self) -> None:
        schema = compile_schema('{"pattern":"^(a+)+$"}')
        start = time.process_time()
        assert schema.misfit("a" * 100_000 + "b") is not None
        assert time.process_time() - start < 1

    def test_do_not_judge_formats(self) -> None:
        assert compile_schema('{"format":"email"}').misfit("nobody") is None

    @given(st.text(max_size=300))
    def test_of_any_text_are_taken_or_refused(self, text: str) -> None:
        with suppress(SchemaInvalid):
            assert compile_schema(text).version == 0


class TestMisfits:
    @pytest.mark.parametrize(
        ("schema", "value", "path", "wants"),
        [
            ({"type": "object"}, SECRET, "", "the type object"),
            ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": 7}, "/a", "the type null or string"),
            ({"properties": {"a": {"enum": ["x"]}}}, {"a": SECRET}, "/a", "enum"),
            ({"properties": {"a": {"const": "x"}}}, {"a": SECRET}, "/a", "const"),
            ({"additionalProperties": False}, {SECRET: 1}, "", "no further members"),
            ({"items": {"pattern": "^x"}}, [SECRET], "/0", "pattern"),
            ({"required": ["title"]}, {}, "", 'the member "title"'),
            ({"properties": {"a/b": {"maximum": 3}}}, {"a/b": 5}, "/a~1b", "maximum 3"),
            ({"oneOf": [{"type": "null"}]}, SECRET, "", "oneOf"),
            ({"propertyNames": {"maxLength": 3}}, {SECRET: 1}, "", "propertyNames"),
            ({"uniqueItems": True}, [SECRET, SECRET], "", "uniqueItems"),
        ],
    )
    def test_name_path_and_wish_but_quote_nothing(self, schema: Any, value: Any, path: str, wants: str) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        misfit = compile_schema(json.dumps(schema)).misfit(text)
        assert misfit is not None
        assert (misfit.path, misfit.wants) == (path, wants)
        assert SECRET not in misfit.wants

    def test_are_refused_as_entries_of_their_collection_alone(self) -> None:
        rule = SchemaMismatch({"note": compile_schema('{"type":"object"}', version=3)})
        line = decode_line(encode_line("note:1", "text"))
        refusal = rule.judge(7, line, "note")
        assert refusal is not None
        assert (refusal.ordinal, refusal.code) == (7, "schema_mismatch")
        assert refusal.detail == "Version 3 of the schema of note wants the type object."
        assert rule.judge(7, line, "todo") is None
        assert rule.judge(7, decode_line(encode_line("note:1", None)), "note") is None

    def test_cost_nothing_where_nothing_is_pinned(self) -> None:
        lines = decode_lines(encode_line("a", "1") + b"\n")
        assert not SchemaMismatch({}).may_refuse(lines)
        service = ValidationService.for_app(max_entry_bytes=1_000)
        assert service.judge_all(lines, label=lambda _: pytest.fail("labelled")) == []

    @given(st.sampled_from(['{"type":"string"}', '{"type":"object"}', '{"minLength":3}']), st.text(max_size=40))
    def test_of_any_value_are_found_without_failing(self, schema: str, value: str) -> None:
        misfit = compile_schema(schema).misfit(value)
        assert misfit is None or misfit.wants
