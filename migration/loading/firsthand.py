"""The short way for keys the server has never held: binary COPY straight into the records.

A first load is nothing else, and it costs a third of staging and merging. Whether a part is one is guessed from a few
of its keys; the primary key is the judge. Where the guess was wrong, nothing of it stays and the merge decides.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from migration.asking import ask
from migration.loading.parts import Part
from migration.loading.staging import BLOCK, HEADER, NULL, TRAILER, latest_rows
from migration.values.questions import Statement
from migration.values.rows import Row

_SAMPLE = 8
"""Keys of a part that are looked up. One found sends the part to the merge, which is right for any part."""

# The inner query cannot be turned into a join: each key is one probe of the primary key, whatever the statistics say.
# Postgres refuses COPY into a table whose row-level security applies to the role that copies: then nothing is new.
_HELD = Statement("""
SELECT DISTINCT s.chunk_id FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::bytea[])
    AS s(chunk_id, owner_id, namespace, key_hash)
WHERE row_security_active('migration_record')
   OR (SELECT true FROM migration_record r WHERE r.owner_id = s.owner_id AND r.namespace = s.namespace
           AND r.key_hash = s.key_hash LIMIT 1)
""")
_COPY = """
COPY migration_record (owner_id, namespace, seq, device_id, run_id, cause, written_at, collection, key_hash, revision,
    form, queryable, fingerprint, key_json, value) FROM STDIN (FORMAT BINARY)
"""
_RISE = """
UPDATE migration_owner o SET revision = top.revision
FROM unnest(%s::uuid[], %s::bigint[]) AS top(id, revision) WHERE o.id = top.id
"""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LENGTH = struct.Struct("!i").pack
# key_hash · revision · form · queryable · fingerprint · length of key_json
_OWN = struct.Struct("!i32s iq ih i? i32s i").pack


def looks_new(parts: list[Part]) -> set[int]:
    """Return the chunk ids of the parts that are probably all new to the server and may be copied."""
    sampled = [
        (part, row) for part in parts if part.terms.writes for row in part.rows[:: -(-len(part.rows) // _SAMPLE) or 1]
    ]
    if not sampled:
        return set()
    given = [
        [part.claim.id for part, _ in sampled],
        [part.claim.owner_id for part, _ in sampled],
        [part.terms.namespace for part, _ in sampled],
        [row.key_hash for _, row in sampled],
    ]
    held = {chunk_id for (chunk_id,) in ask(_HELD.of(given))}
    # What one owner's parts bring is put in order together, so they go one way together.
    merging = {part.claim.owner_id for part in parts if part.claim.id in held or not part.terms.writes}
    return {part.claim.id for part in parts if part.claim.owner_id not in merging}


def copy_new(parts: list[Part], *, revisions: dict[UUID, int], at: datetime) -> dict[UUID, Counter[str]] | None:
    """Write the rows of `parts`, whose owners are locked at `revisions`, as new records; return outcomes by run.

    Returns None, with nothing written, when one of the keys was held after all.
    """
    risen = {part.claim.owner_id: revisions[part.claim.owner_id] for part in parts}
    latest = latest_rows(parts)
    try:
        with transaction.atomic(), connection.wrap_database_errors, connection.cursor() as cursor:
            with cursor.copy(_COPY) as copy:
                for block in _blocks({part.claim.id: part for part in parts}, latest, risen, at):
                    copy.write(block)
            cursor.execute(_RISE, [list(risen), list(risen.values())])
    except IntegrityError:
        return None
    return _outcomes(parts, latest)


def _outcomes(parts: list[Part], latest: list[tuple[int, list[Row]]]) -> dict[UUID, Counter[str]]:
    outcomes: dict[UUID, Counter[str]] = {part.terms.run_id: Counter() for part in parts}
    written = dict(latest)
    for part in parts:
        rows, tally = written[part.claim.id], outcomes[part.terms.run_id]
        tally["stored"] += len(rows)
        tally["superseded"] += len(part.rows) - len(rows)
        tally["deleted"] += sum(row.value is None for row in rows)
    return outcomes


def _blocks(
    parts: dict[int, Part], latest: list[tuple[int, list[Row]]], risen: dict[UUID, int], at: datetime
) -> Iterator[bytes]:
    """Yield the rows, each with the revision its owner comes to by it."""
    pieces, size = [HEADER], 0
    for chunk_id, rows in latest:
        part = parts[chunk_id]
        common = _common(part, at)
        begun = {name: common + _text(name) for name in {row.collection for row in rows}}
        for revision, row in _as_indexed(rows, start=risen[part.claim.owner_id] + 1):
            _, key_hash, key_json, collection, value, form, queryable, fingerprint = row
            length = len(key_json)
            own = _OWN(32, key_hash, 8, revision, 2, form, 1, queryable, 32, fingerprint, length)
            if value is None:
                pieces += (begun[collection], own, key_json, NULL)
            else:
                pieces += (begun[collection], own, key_json, _LENGTH(len(value)), value)
                length += len(value)
            size += length
            if size > BLOCK:
                yield b"".join(pieces)
                pieces.clear()
                size = 0
        risen[part.claim.owner_id] += len(rows)
    pieces.append(TRAILER)
    yield b"".join(pieces)


def _as_indexed(rows: list[Row], *, start: int) -> list[tuple[int, Row]]:
    """Number rows in the order in which they were written, and return them in that of the primary key.

    Neighbours in the index then lie side by side in the table: a tenth less work for Postgres, mostly in verifying.
    """
    places = sorted(range(len(rows)), key=[row.key_hash for row in rows].__getitem__)
    return [(start + place, rows[place]) for place in places]


def _common(part: Part, at: datetime) -> bytes:
    """Field count and what all rows of a part share: whose they are, who wrote them, how and when."""
    since = at - _EPOCH
    moment = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return b"".join(
        (
            struct.pack("!hi", 15, 16) + part.claim.owner_id.bytes,
            _text(part.terms.namespace),
            struct.pack("!iq", 8, part.claim.seq),
            _LENGTH(16) + part.terms.device_id.bytes,
            _LENGTH(16) + part.terms.run_id.bytes,
            _text("run"),
            struct.pack("!iq", 8, moment),
        )
    )


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded
