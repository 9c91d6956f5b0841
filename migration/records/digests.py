"""Digests by bucket of what an owner's records hold, computed from the stored bytes."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from uuid import UUID, uuid4

from django.db import connection, transaction

from migration.values.lines import text_of

_PAGE = 2000
_ROWS = """
SELECT key_json, get_byte(key_hash, 0), migration_fingerprint(key_json, form, value)
FROM migration_record WHERE owner_id = %s AND namespace = %s AND value IS NOT NULL
"""
# Fingerprints are made of values: those nobody asked for are not even read.
_OF_BUCKETS = " AND get_byte(key_hash, 0) = ANY(%s)"


def bucket_digests(*, owner_id: UUID, namespace: str, rank: Callable[[str], int]) -> dict[tuple[int, str], bytes]:
    """Return the set digest of the live records of each (collection's rank, bucket).

    Keys are labelled anew by `rank`: patterns may have been declared since. 32 bytes a record are held.
    """
    found: dict[tuple[int, str], bytearray] = {}
    for key_json, bucket, fingerprint in _rows(owner_id, namespace):
        found.setdefault((rank(text_of(key_json)), f"{bucket:02x}"), bytearray()).extend(fingerprint)
    return {place: _digest(bytes(joined)) for place, joined in found.items()}


def bucket_entries(
    *, owner_id: UUID, namespace: str, rank: Callable[[str], int], wanted: set[tuple[int, str]]
) -> list[tuple[int, str, str, bytes]]:
    """Return (rank, bucket, key literal, fingerprint) of the live records in the `wanted` buckets."""
    found = []
    buckets = {int(bucket, 16) for _, bucket in wanted}
    for key_json, bucket, fingerprint in _rows(owner_id, namespace, sorted(buckets)):
        place = (rank(text_of(key_json)), f"{bucket:02x}")
        if place in wanted:
            found.append((*place, key_json, bytes(fingerprint)))
    return found


def _rows(owner_id: UUID, namespace: str, buckets: list[int] | None = None) -> Iterator[tuple[str, int, bytes]]:
    """Read an owner's records, of these buckets or all, through a cursor on the server, a page in memory at a time."""
    with transaction.atomic(), connection.cursor() as cursor:
        name = f"records_{uuid4().hex}"
        asked, given = (_ROWS, []) if buckets is None else (_ROWS + _OF_BUCKETS, [buckets])
        cursor.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {asked}", [owner_id, namespace, *given])
        while True:
            cursor.execute(f"FETCH {_PAGE} FROM {name}")
            page = cursor.fetchall()
            yield from page
            if len(page) < _PAGE:
                cursor.execute(f"CLOSE {name}")
                return


def _digest(joined: bytes) -> bytes:
    return sha256(b"".join(sorted(joined[at : at + 32] for at in range(0, len(joined), 32)))).digest()
