"""The faults we hold against: no row is missing, and every test a row names is there, short or long as it says."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.faults.rows import FAULTS

PROJECT = Path(__file__).resolve().parents[2]
LAST = 62
NAMED = sorted({test for fault in FAULTS.values() for test in fault.shown})
LONG = sorted({test for fault in FAULTS.values() for test in fault.long})
# What decides the sizes of the SDK's long forms, and a folder that has a command of its own for them.
_SIZED, _SEEDED = re.compile(r"\bsize\(\d+, \d+\)"), "frontend_sdk/test/simulator/"


@cache
def _tests_of(path: Path) -> dict[str, bool]:
    """Return {`Class::test` or `test`: whether it has a form for the soak} of a file."""
    tree = ast.parse(path.read_text())
    marked = any(isinstance(node, ast.Assign) and _is_soak(node) for node in tree.body)
    found = {}
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        for one in inside:
            if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) or not one.name.startswith("test"):
                continue
            name = one.name if one is node else f"{getattr(node, 'name', '')}::{one.name}"
            decorators = [*one.decorator_list, *(node.decorator_list if isinstance(node, ast.ClassDef) else [])]
            found[name] = marked or any(map(_is_soak, decorators))
    return found


def _is_soak(node: ast.AST) -> bool:
    return ".soak" in ast.unparse(node)


@cache
def _text_of(path: Path) -> str:
    return path.read_text()


class TestRows:
    def test_are_all_there(self):
        assert list(FAULTS) == list(range(1, LAST + 1))

    @pytest.mark.parametrize("number", FAULTS)
    def test_name_tests_or_say_why_not(self, number):
        fault = FAULTS[number]
        assert fault.what
        assert bool(fault.shown) != bool(fault.why_not)
        assert set(fault.long) <= set(fault.shown)
        assert len(set(fault.shown)) == len(fault.shown)


class TestNamedTests:
    @pytest.mark.parametrize("test", NAMED)
    def test_are_there(self, test):
        name, _, words = test.partition("::")
        path = PROJECT / name
        assert path.is_file()
        if path.suffix == ".py":
            assert words in _tests_of(path)
        else:
            assert re.search(rf"\(\s*\"{re.escape(words)}", _text_of(path))

    @pytest.mark.parametrize("test", LONG)
    def test_have_a_long_form_where_they_are_said_to(self, test):
        name, _, words = test.partition("::")
        path = PROJECT / name
        if path.suffix == ".py":
            assert _tests_of(path)[words]
        else:
            assert name.startswith(_SEEDED) or _SIZED.search(_text_of(path))
