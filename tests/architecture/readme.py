"""`make docs`: writes the README's tables and diagrams from the code. A test holds the README to them."""

import inspect
import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from migration import errors  # noqa: E402 - the settings come first
from migration.api import problems  # noqa: E402
from migration.checks import DANGERS  # noqa: E402 - as above
from migration.config import FAULT_POINTS, SETTINGS  # noqa: E402
from migration.states import MACHINES  # noqa: E402


def _settings() -> Iterator[str]:
    yield "| setting | default | meaning |\n|---|---|---|"
    for name, one in sorted(SETTINGS.items()):
        yield f"| `MIGRATION_{name}` | `{one.default!r}` | {one.meaning} |"


def _errors() -> Iterator[str]:
    yield "| code | status | meaning |\n|---|---|---|"
    named = (*vars(errors).values(), *vars(problems).values())
    classes = [kind for kind in named if inspect.isclass(kind) and issubclass(kind, errors.MigrationError)]
    meanings = {kind.code: _first_paragraph(kind) for kind in classes if "code" in vars(kind)}
    for code, status in sorted(problems.STATUSES.items(), key=lambda pair: (pair[1], pair[0])):
        plain = HTTPStatus(status).description or HTTPStatus(status).phrase
        yield f"| [`{code}`](migration/guide/errors/{code}.md) | {status} | {meanings.get(code, plain)} |"


def _first_paragraph(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())


def _checks() -> Iterator[str]:
    yield "| id | what is wrong | what to do |"
    yield "|---|---|---|"
    for danger in DANGERS:
        yield f"| `{danger.id}` | {danger.message} | {danger.hint} |"


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
    "checks": _checks,
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


def main() -> None:
    """Write README.md's tables and diagrams anew."""
    readme = Path(settings.BASE_DIR) / "README.md"
    readme.write_text(rewritten(readme.read_text()))


if __name__ == "__main__":
    main()
