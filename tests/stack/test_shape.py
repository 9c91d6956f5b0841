"""The supervisor runs before anything is installed, so it may need nothing but Python."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncserver.stack import PROJECT

FOLDER = PROJECT / "syncserver" / "stack"
# A plugin of pytest's: loaded by pytest alone.
PLUGIN = "testing.py"
MODULES = [*sorted(path for path in FOLDER.glob("*.py") if path.name != PLUGIN), FOLDER.parent / "parent.py"]
NEIGHBOURS = ("syncserver.stack.", "syncserver.parent.")


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
class TestModule:
    def test_needs_nothing_but_the_standard_library_and_its_neighbours(self, module: Path) -> None:
        foreign = {name for name in imported(module) if name.split(".")[0] not in sys.stdlib_module_names}
        assert {name for name in foreign if not f"{name}.".startswith(NEIGHBOURS)} == set()

    def test_is_short(self, module: Path) -> None:
        assert len(module.read_text().splitlines()) < 250
