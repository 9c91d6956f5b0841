"""Every code the sources can show to a user or an operator, found by reading them: nobody has to keep a list."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from migration.api import problems

ROOT = Path(__file__).resolve().parents[2]
NEVER_SHOWN = {"bad_input", "refused", "lease_lost"}
"""Roots of the error tree, and what one worker tells itself."""
NAMES_OF_CHECKS = {"Check"}
"""A check is named by its code whether it passes or fails, and says in words what it found: nothing to look up."""
_COLUMNS = {"code", "failure_code"}


def codes_of_the_server() -> set[str]:
    """Return what an answer, a refused entry, a run, a reason against a rollback or a damaged backup can say."""
    takers = dict(taker for tree in _trees() for taker in _takers(tree))
    assert takers["record_error"] == takers["Refusal"] == 1, "the readers of sources no longer find them"
    classes = {code for tree in _trees() for code in _of_classes(tree)}
    return (classes | _given_to(takers, columns=_COLUMNS) | set(problems.STATUSES)) - NEVER_SHOWN


def codes_of_refused_entries() -> set[str]:
    """Return what an entry can be put into quarantine for: by a rule of the room that judges, or by whoever loads."""
    by_rule = _given_to({"Refusal": 1}, columns={"code"}, room="validation")
    return by_rule | _given_to({"Refused": 2}, columns=set())


def codes_of_the_sdk() -> set[str]:
    """Return what the SDK says of its own: thrown, told as an error, put into a plan, or how a run ended."""
    script = "\n".join(path.read_text() for path in (ROOT / "frontend_sdk" / "src").rglob("*.ts"))
    said = set(re.findall(r'\b(?:problem|refuse|block|_error)\((?:[\w.]+, )?"([a-z_]+)"', script))
    said |= set(re.findall(r'\bcode"?: ?"([a-z_]+)"', script))
    if '"http_" +' in script:
        said |= {"http_status"}
    ended = re.search(r"const ENDED = /\^\(([a-z_|]+)\)\$/", script)
    assert ended, "a run that ends without an error says its state as the code"
    # One that failed has an error to name, and one that completed needs none.
    return said | (set(ended[1].split("|")) - {"completed", "failed"})


def reasons_of_the_sdk() -> set[str]:
    """Return why the SDK stays passive, as the event `unsupported` names it."""
    script = (ROOT / "frontend_sdk" / "src" / "types.ts").read_text()
    listed = re.search(r"type UnsupportedReason = ([^;]+);", script)
    assert listed, "the type has another name"
    return set(re.findall(r'"([a-z_]+)"', listed[1]))


@cache
def _trees(room: str = "") -> list[ast.Module]:
    files = sorted(path for path in (ROOT / "migration" / room).rglob("*.py") if "migrations" not in path.parts)
    return [ast.parse(path.read_text()) for path in files]


def _takers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield what takes a code, and as its how many-th argument."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names = [one.arg for one in node.args.args]
        elif isinstance(node, ast.ClassDef) and node.name not in NAMES_OF_CHECKS:
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            names = [one.target.id for one in fields if isinstance(one.target, ast.Name)]
        else:
            continue
        if "code" in names:
            yield node.name, names.index("code")


def _given_to(takers: dict[str, int], *, columns: set[str], room: str = "") -> set[str]:
    """Return the codes given to one of `takers`, or under the name of one of `columns`."""
    constants = {name: value for tree in _trees() for name, value in _assigned(tree.body) if name.isupper()}
    functions = [node for tree in _trees(room) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found: set[str] = set()
    for function in functions:
        known = constants | dict(_assigned(list(ast.walk(function))))
        for node in ast.walk(function):
            for value in (*_as_argument(node, takers, columns), *_as_item(node, columns)):
                found.update(_texts(value, known))
    return found


def _of_classes(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for name, value in _assigned(node.body):
                if name == "code":
                    yield from _texts(value, {})


def _as_argument(node: ast.AST, takers: dict[str, int], columns: set[str]) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name not in NAMES_OF_CHECKS:
        yield from (keyword.value for keyword in node.keywords if keyword.arg in columns)
    if name in takers:
        yield from node.args[takers[name] : takers[name] + 1]


def _as_item(node: ast.AST, columns: set[str]) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        place = node.targets[0].slice
        if isinstance(place, ast.Constant) and place.value in columns:
            yield node.value


def _assigned(nodes: list[ast.stmt] | list[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _texts(value: ast.expr, known: dict[str, ast.expr]) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body, known)
        yield from _texts(value.orelse, known)
    elif isinstance(value, ast.Name) and value.id in known:
        yield from _texts(known[value.id], {})
