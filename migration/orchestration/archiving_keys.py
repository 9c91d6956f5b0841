"""Sealed archives and the keys they need: those that were exported from here, wherever they still lie."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from migration.archives import keys_of, rewrap_archive
from migration.config import encryption_keys
from migration.errors import MigrationError
from migration.models import AuditLine


@dataclass(frozen=True, slots=True)
class ArchiveKeys:
    """How an archive's keys are wrapped; `problem` says why that could not be seen."""

    path: Path
    newest: int = 0
    older: int = 0
    unreadable: int = 0
    problem: str = ""

    @property
    def needs_older(self) -> bool:
        """Whether it does not open under the newest key alone."""
        return bool(self.older or self.unreadable)


def sealed_archives(more: Iterable[Path] = ()) -> list[Path]:
    """Return where sealed archives were exported to, as the audit log has it, and `more`; each once."""
    exported = AuditLine.objects.filter(action="app_exported", data__encrypted=True).order_by("id")
    known = [Path(path) for path in exported.values_list("data__path", flat=True)]
    return list(dict.fromkeys([*known, *(one.resolve() for one in more)]))


def rotate_archives(paths: Iterable[Path]) -> int:
    """Wrap the keys of those that can be reached under the newest key; return how many archives changed."""
    changed = 0
    for path in paths:
        try:
            changed += rewrap_archive(path, keys=encryption_keys()) > 0
        except (MigrationError, OSError):
            continue  # `check_archives` says so
    return changed


def check_archives(paths: Iterable[Path]) -> Iterator[ArchiveKeys]:
    """Yield how each archive's keys are wrapped now."""
    for path in paths:
        try:
            found = keys_of(path, keys=encryption_keys())
        except (MigrationError, OSError) as error:
            yield ArchiveKeys(path, problem=getattr(error, "detail", "") or str(error))
        else:
            older = sum(count for place, count in found.items() if place)
            yield ArchiveKeys(path, newest=found[0], older=older, unreadable=found[None])
