"""The house keeps its shape: floors, small modules, words for callers, and a test row for every fault point."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from migration.config import FAULT_POINTS
from tests.faults.points import ROWS

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 400
ROOMS = {
    4: {"api", "realtime", "admin", "management", "jobs", "checks"},
    3: {"orchestration", "reports"},
    2: {
        *("uploads", "detection", "extraction", "validation", "mapping", "backups", "loading", "records", "cutover"),
        "archives",
        "rollback",
        "custody",
    },
    1: {"lifecycle", "progress", "dispatch", "walls"},
    0: {"models", "asking", "states", "values", "events", "errors", "config"},
}
OF_DJANGO = {"migrations", "templates", "static", "templatetags"}


def _sources(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if "/migration/migrations/" not in str(path)
    ]


MODULES = _sources("migration", "syncserver")
IDS = [str(path.relative_to(PROJECT)) for path in MODULES]


def _public(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield what callers see: public functions and classes of a module, and public methods of those classes."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        yield f"{inside}{node.name}", node
        if isinstance(node, ast.ClassDef) and node.name != "Meta":
            yield from _public(node, f"{node.name}.")


class TestFloors:
    def test_import_only_downward(self):
        done = subprocess.run(
            [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3_000:]

    def test_house_every_room(self):
        rooms = {path.parent.name for path in (PROJECT / "migration").glob("*/__init__.py")}
        assert rooms - OF_DJANGO == set.union(*ROOMS.values())


class TestModules:
    @pytest.mark.parametrize("path", [*MODULES, *_sources("tests", "e2e")], ids=lambda path: path.name)
    def test_are_short(self, path):
        assert len(path.read_text().splitlines()) <= LONGEST_MODULE, path.relative_to(PROJECT)

    @pytest.mark.parametrize("path", MODULES, ids=IDS)
    def test_say_what_they_are_for(self, path):
        text = path.read_text()
        assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path.name} says nothing of itself"

    @pytest.mark.parametrize("path", MODULES, ids=IDS)
    def test_tell_callers_what_functions_and_classes_do(self, path):
        if "/admin/" in str(path) or "/migration/models/" in str(path):
            return  # columns and options: their names and help texts are their words
        silent = [
            name
            for name, node in _public(ast.parse(path.read_text()))
            if not ast.get_docstring(node) and not _is_self_evident(name, node)
        ]
        assert silent == []


def _is_self_evident(name: str, node: ast.AST) -> bool:
    """Members of protocols, options classes and one-line properties speak for themselves."""
    if name.endswith((".Meta", ".Config")) or ("." not in name and isinstance(node, ast.ClassDef)):
        return name.endswith(".Meta")
    body = getattr(node, "body", [])
    return "." in name and len(body) == 1


class TestWords:
    def test_leave_nothing_for_later(self):
        later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
        found = [
            f"{path.relative_to(PROJECT)}:{number}"
            for path in _sources("migration", "syncserver")
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if later.search(line)
        ]
        assert found == []

    def test_room_names_are_no_drawers(self):
        assert not [path for path in MODULES if path.stem in {"utils", "helpers", "common", "misc"}]


class TestFaultPoints:
    def test_have_a_row_each_in_the_fault_tests(self):
        assert set(FAULT_POINTS) == ROWS

    def test_are_passed_somewhere_each(self):
        passed = {
            name for path in _sources("migration") for name in re.findall(r'fault_point\("([^"]+)"', path.read_text())
        }
        assert passed == set(FAULT_POINTS)

    def test_say_what_is_done_and_what_is_not(self):
        for meaning in FAULT_POINTS.values():
            assert len(meaning) > 10


class TestMiddleware:
    @pytest.mark.parametrize("name", settings.MIDDLEWARE)
    def test_serves_both_kinds_of_servers(self, name):
        """One that can only wait turns daphne's every request from thread to loop to thread, and hangs its end."""
        middleware = import_string(name)
        assert middleware.async_capable
        assert middleware.sync_capable
