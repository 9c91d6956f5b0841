"""Everything held of one owner, in one archive: what people read, every table's rows, the content of every backup.

Written under the owner's lock, which every change of its records needs, so that all of it is of one moment. Rows and
backups pass through one by one; the archive grows on disk.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from django.db import connection, transaction

from migration import custody, lifecycle
from migration.custody import OwnedTable
from migration.errors import BackupExpired, BackupUnreadable, NotFound
from migration.models import Backup, Owner
from migration.orchestration.retrieving import download_backup

OMITTED: dict[str, str] = {
    "migration_socketticket": "permissions that last for seconds, kept as hashes",
    "migration_schemasample": "shapes of values without a value, about the app's collections",
    "migration_replay": "operators' orders; what came of them stands in quarantine and in the timeline",
}
"""Tables that hold rows of an owner and are not handed out, each with the reason why."""
_UNREADABLE = {"migration_chunk": ("sealed_payload", "wrapped_key")}
"""Columns left out: sealed bytes and their keys; their content is handed out opened, as the backups."""
_AT_ONCE = 500

_ENTRIES = """
SELECT '{"line":' || to_json(convert_from(migration_line(key_json, form, value), 'UTF8'))::text
    || ',"collection":' || to_json(collection)::text || ',"revision":' || revision
    || ',"written_at":' || to_json(written_at)::text || '}'
FROM migration_record WHERE owner_id = %(owner)s AND value IS NOT NULL ORDER BY namespace, key_hash
"""
_AUDIT = "SELECT row_to_json(t)::text FROM migration_auditline t WHERE owner_id = %(owner)s ORDER BY id"


def export_owner(*, owner_id: UUID, actor: str, at: datetime) -> IO[bytes]:
    """Return a ZIP archive of all that is held of an owner, read from its beginning. Whoever takes it closes it.

    `entries.ndjson` holds the entries as the browser knows them (each with its canonical line), `tables/` every row
    there is, `backups/` what each run brought, `manifest.json` the number of lines and SHA-256 of each file, and which
    backup could not be opened, with the code that says why. Raises NotFound.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed out
    try:
        with transaction.atomic():
            owner = _locked(owner_id)
            _audit(owner, actor=actor, at=at)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                _Export(archive, owner).write(at=at)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _locked(owner_id: UUID) -> Owner:
    owner = Owner.objects.select_for_update(no_key=True).filter(id=owner_id).first()
    if owner is None:
        raise NotFound("There is no such owner.")
    return owner


class _Export:
    """One archive in the making."""

    def __init__(self, archive: zipfile.ZipFile, owner: Owner) -> None:
        self._archive = archive
        self._owner = owner
        self._files: dict[str, dict[str, Any]] = {}
        self._closed: dict[str, str] = {}

    def write(self, *, at: datetime) -> None:
        """Write all files, the manifest last."""
        self._lines("entries.ndjson", self._rows(_ENTRIES))
        self._lines("tables/migration_auditline.ndjson", self._rows(_AUDIT))
        for table in custody.owned_tables():
            if table.name not in OMITTED:
                self._lines(f"tables/{table.name}.ndjson", self._rows(_select(table)))
        for backup_id in Backup.objects.filter(owner_id=self._owner.id).values_list("id", flat=True):
            self._backup(backup_id)
        self._archive.writestr("manifest.json", json.dumps(self._manifest(at), indent=1))

    def _lines(self, name: str, lines: Iterable[bytes]) -> None:
        digest, count = hashlib.sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as member:
            for line in lines:
                member.write(line)
                digest.update(line)
                count += 1
        self._files[name] = {"lines": count, "sha256": digest.hexdigest()}

    def _rows(self, statement: str) -> Iterator[bytes]:
        # A cursor of the server's: rows come in small numbers however many there are. The transaction has begun with
        # the owner's lock, so whoever it works for is settled.
        with connection.connection.cursor(name="migration_export") as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(statement, {"owner": self._owner.id})
            for (text,) in cursor:
                yield text.encode() + b"\n"

    def _backup(self, backup_id: UUID) -> None:
        try:
            content = download_backup(owner_id=self._owner.id, backup_id=backup_id)
        except (BackupUnreadable, BackupExpired) as error:
            self._closed[str(backup_id)] = error.code
            return
        with content.file as packed, tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(packed, copy)
            name = f"backups/{backup_id}.ndjson.gz"
            copy.seek(0)
            self._files[name] = {"sha256": hashlib.file_digest(copy, "sha256").hexdigest()}
            copy.seek(0)
            with self._archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                shutil.copyfileobj(copy, member)

    def _manifest(self, at: datetime) -> dict[str, Any]:
        return {
            "owner": str(self._owner.id),
            "kind": self._owner.kind,
            "subject": self._owner.subject,
            "app": str(self._owner.app_id),
            "revision": self._owner.revision,
            "timeline": lifecycle.timeline(),
            "exported_at": at.isoformat(),
            "files": self._files,
            "backups_closed": self._closed,
            "omitted": OMITTED,
        }


def _select(table: OwnedTable) -> str:
    """Return the statement that reads a table's rows of an owner as JSON; `json` columns keep every byte of theirs."""
    hidden = _UNREADABLE.get(table.name, ())
    columns = ", ".join(f't."{name}"' for name, _ in table.columns if name not in hidden)
    return f"SELECT row_to_json(r)::text FROM (SELECT {columns} FROM {table.name} t WHERE {table.condition}) r"


def _audit(owner: Owner, *, actor: str, at: datetime) -> None:
    lifecycle.audit(
        actor=actor, action="owner_exported", target=owner.id, at=at, app_id=owner.app_id, owner_id=owner.id
    )
