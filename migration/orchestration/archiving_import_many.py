"""A foreign file of many owners' entries: sorted by owner on disk first, then each owner's share imported as a run.

Nothing is stored before the whole file has been read and every owner in it is known; from then on each owner is a run
of its own, so that an import cut off goes on, and one repeated changes nothing.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import IntegrityError, transaction

from migration import custody
from migration.archives import owned_entries
from migration.config import setting
from migration.errors import ArchiveInvalid, Erased, NotFound
from migration.models import MigrationRun, Owner, Tombstone
from migration.orchestration.archiving_import import INFLATED, import_entries

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Brought:
    """One owner's share of a file: whose it is, and the run it became."""

    subject: str
    run: MigrationRun


def import_owners(*, app_id: UUID, path: Path, creates: bool, dry_run: bool, at: datetime) -> Iterator[Brought]:
    """Store a file's entries as runs of the accounts they name by subject, and yield them; workers load them.

    With `creates` accounts nobody has heard of are made. Raises NotFound for one that is not there, Erased for one that
    was erased, and what reading a foreign file and sending a run can raise.
    """
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "sorted")) as sorted_:
        _sort(path, sorted_)
        owners = _owners(app_id, sorted_, creates=creates and not dry_run)
        for subject, owner_id in owners:
            share = Path(folder) / "share"
            _write(share, subject, sorted_)
            run = import_entries(app_id=app_id, owner_id=owner_id, path=share, dry_run=dry_run, at=at)
            yield Brought(subject, run)


def _sort(path: Path, sorted_: sqlite3.Connection) -> None:
    sorted_.execute("CREATE TABLE entry (owner TEXT, line TEXT)")
    entries = owned_entries(path, longest=setting("ARCHIVE_LINE_BYTES"), most=INFLATED)
    # As ASCII: a lone surrogate is no text SQLite would keep.
    rows = ((json.dumps(owner), json.dumps([key, value])) for owner, key, value in entries)
    sorted_.executemany("INSERT INTO entry VALUES (?, ?)", rows)
    sorted_.execute("CREATE INDEX by_owner ON entry (owner)")
    sorted_.commit()
    if sorted_.execute("SELECT 1 FROM entry LIMIT 1").fetchone() is None:
        raise ArchiveInvalid("The file holds no entry.")


def _owners(app_id: UUID, sorted_: sqlite3.Connection, *, creates: bool) -> list[tuple[str, UUID]]:
    subjects = [json.loads(one) for (one,) in sorted_.execute("SELECT DISTINCT owner FROM entry ORDER BY owner")]
    found: dict[str, UUID] = {}
    for first in range(0, len(subjects), _AT_ONCE):
        some = subjects[first : first + _AT_ONCE]
        accounts = Owner.objects.filter(app_id=app_id, kind=Owner.Kind.ACCOUNT, subject__in=some)
        found.update(accounts.values_list("subject", "id"))
    unknown = [one for one in subjects if one not in found]
    if unknown and not creates:
        raise NotFound(f"{len(unknown)} of the file's owners are not in this app; --create-owners makes them.")
    for subject in unknown:
        _refuse_erased(app_id, subject)
    for subject in unknown:
        found[subject] = _create(app_id, subject)
    return [(subject, found[subject]) for subject in subjects]


def _refuse_erased(app_id: UUID, subject: str) -> None:
    mark = custody.owner_mark(app_id=app_id, kind=Owner.Kind.ACCOUNT, subject=subject)
    if Tombstone.objects.filter(app_id=app_id, mark=mark).exists():
        raise Erased("An owner of the file was erased; nothing has been stored.")


def _create(app_id: UUID, subject: str) -> UUID:
    known = {"app_id": app_id, "kind": Owner.Kind.ACCOUNT, "subject": subject}
    try:
        with transaction.atomic():
            return Owner.objects.create(**known).id
    except IntegrityError:
        return Owner.objects.get(**known).id  # made by a browser meanwhile


def _write(share: Path, subject: str, sorted_: sqlite3.Connection) -> None:
    lines = sorted_.execute("SELECT line FROM entry WHERE owner = ? ORDER BY rowid", [json.dumps(subject)])
    with share.open("w") as file:
        for (line,) in lines:
            file.write(line + "\n")
