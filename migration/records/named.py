"""Records by their keys: what is held now under each."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from migration.values.digests import key_hash
from migration.values.stored import line_of

_PAGE_BYTES = 8 << 20
"""An answer ends early beyond this size; the first key asked for fits whatever its size."""

_NAMED = """
SELECT key_hash, key_json, form, value::text, revision FROM migration_record
WHERE owner_id = %(owner)s AND namespace = %(namespace)s AND key_hash = ANY(%(hashes)s)
"""


@dataclass(frozen=True, slots=True)
class Named:
    """What a key holds as its canonical line, one element long where nothing is held; revision 0: nothing ever was."""

    line: str
    revision: int


def records_named(*, owner_id: UUID, namespace: str, keys: Sequence[str]) -> list[Named]:
    """Return what is held under each of `keys` (canonical JSON literals), in their order, or the first of them."""
    hashes = [key_hash(key.encode()) for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, {"owner": owner_id, "namespace": namespace, "hashes": hashes})
        found = {bytes(row[0]): Named(line_of(*row[1:4]), row[4]) for row in cursor.fetchall()}
    told: list[Named] = []
    room = _PAGE_BYTES
    for key, hashed in zip(keys, hashes, strict=True):
        one = found.get(hashed) or Named(line_of(key, 0, None), 0)
        room -= len(one.line)
        if told and room < 0:
            break
        told.append(one)
    return told
