"""`manage.py migration_docs`: writes the README's tables and diagrams from the code; `--check` only compares."""

import inspect
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from migration import errors
from migration.api import problems
from migration.config import FAULT_POINTS, SETTINGS
from migration.states import MACHINES


def _settings() -> Iterator[str]:
    yield "| setting | default | meaning |\n|---|---|---|"
    for name, one in sorted(SETTINGS.items()):
        yield f"| `MIGRATION_{name}` | `{one.default!r}` | {one.meaning} |"


def _errors() -> Iterator[str]:
    yield "| code | status | meaning |\n|---|---|---|"
    classes = [kind for kind in (*vars(errors).values(), *vars(problems).values()) if inspect.isclass(kind)]
    meanings = {kind.code: _first_paragraph(kind) for kind in classes if "code" in vars(kind)}
    for code, status in sorted(problems.STATUSES.items(), key=lambda pair: (pair[1], pair[0])):
        yield f"| `{code}` | {status} | {meanings.get(code, HTTPStatus(status).description or HTTPStatus(status).phrase)} |"


def _first_paragraph(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def _machines() -> Iterator[str]:
    for machine in MACHINES:
        yield f"**{machine.name}**\n\n```mermaid\n{machine.diagram()}\n```\n"


def _faults() -> Iterator[str]:
    yield "| fault point | what has happened there |\n|---|---|"
    for name, meaning in FAULT_POINTS.items():
        yield f"| `{name}` | {meaning} |"


SECTIONS: dict[str, Callable[[], Iterator[str]]] = {
    "settings": _settings,
    "errors": _errors,
    "machines": _machines,
    "faults": _faults,
}


def rewritten(text: str) -> str:
    """Return the README with each `<!-- made:NAME -->` section made anew. Raises ValueError for a missing mark."""
    for name, make in SECTIONS.items():
        start, end = f"<!-- made:{name} -->", f"<!-- /made:{name} -->"
        before, mark, rest = text.partition(start)
        _, closing, after = rest.partition(end)
        if not mark or not closing:
            raise ValueError(f"the README has no {start} … {end}")
        body = "\n".join(make()).strip()
        text = f"{before}{start}\n{body}\n{end}{after}"
    return text


class Command(BaseCommand):
    """Keeps the README in step with the code."""

    help = "Write the README's tables and diagrams from the code."

    def add_arguments(self, parser: Any) -> None:
        """Declare `--check`."""
        parser.add_argument("--check", action="store_true", help="change nothing, fail when it is out of step")

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        """Write or compare. Raises CommandError when it differs."""
        readme = Path(settings.BASE_DIR) / "README.md"
        old = readme.read_text()
        new = rewritten(old)
        if check and old != new:
            raise CommandError("README.md is out of step with the code: run manage.py migration_docs")
        readme.write_text(new)
