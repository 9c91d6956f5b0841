"""Single writes straight into records and history, for tests that do not care how a chunk is loaded."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from migration.mapping import all_in, map_rows
from migration.models import Conflict, Owner
from migration.values.lines import decode_lines, encode_line

_STATE = (
    "key_json, revision, seq, device_id, run_id, cause, written_at, form, queryable, fingerprint, collection, value"
)


def write(
    owner: Owner,
    key: str,
    value: str | None,
    *,
    device_id: UUID | None = None,
    run_id: UUID | None = None,
    seq: int = 1,
    cause: str = "run",
    at: datetime | None = None,
    namespace: str = "default",
    collection: str = "default",
) -> int:
    """Write one entry as a batch would: what held goes to history; return the revision after it.

    The same value again changes nothing.
    """
    row = map_rows(decode_lines(encode_line(key, value) + b"\n"), label_all=all_in(collection))[0]
    place = [owner.id, namespace, row.key_hash]
    with connection.cursor() as cursor:
        cursor.execute("SELECT revision FROM migration_owner WHERE id = %s FOR NO KEY UPDATE", [owner.id])
        revision: int = cursor.fetchone()[0]
        cursor.execute(
            """SELECT fingerprint FROM migration_record WHERE owner_id = %s AND namespace = %s AND key_hash = %s""",
            place,
        )
        if cursor.fetchone() == (row.fingerprint,):
            return revision
        cursor.execute(
            f"""INSERT INTO migration_record_version (owner_id, namespace, key_hash, {_STATE}, superseded_by)
                SELECT owner_id, namespace, key_hash, {_STATE}, %s FROM migration_record
                WHERE owner_id = %s AND namespace = %s AND key_hash = %s""",
            [revision + 1, *place],
        )
        cursor.execute("DELETE FROM migration_record WHERE owner_id = %s AND namespace = %s AND key_hash = %s", place)
        cursor.execute(
            f"""INSERT INTO migration_record (owner_id, namespace, key_hash, {_STATE})
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::json)""",
            [
                *place,
                *(row.key_json.decode(), revision + 1, seq, device_id, run_id, cause, at or timezone.now()),
                *(row.form, row.queryable, row.fingerprint, row.collection),
                row.value.decode() if row.value is not None else None,
            ],
        )
        cursor.execute("UPDATE migration_owner SET revision = %s WHERE id = %s", [revision + 1, owner.id])
    return revision + 1


def dispute(owner: Owner, key: str, *, held: str, lost: str, policy: str = "INTERACTIVE", **columns: Any) -> int:
    """Write a record and a value that lost against it; return the conflict's id."""
    revision = write(owner, key, held)
    row = map_rows(decode_lines(encode_line(key, lost) + b"\n"), label_all=all_in("default"))[0]
    conflict = Conflict.objects.create(
        owner_id=owner.id,
        namespace="default",
        key_hash=row.key_hash,
        key_json=row.key_json.decode(),
        collection="default",
        policy=policy,
        winner="none" if policy == "INTERACTIVE" else "server",
        reason="a test says so",
        record_revision=revision,
        loser_form=row.form,
        loser_fingerprint=row.fingerprint,
        loser_value=None if row.value is None else row.value.decode(),
        state=Conflict.State.OPEN if policy == "INTERACTIVE" else Conflict.State.DECIDED,
        created_at=timezone.now(),
        **columns,
    )
    return conflict.id
