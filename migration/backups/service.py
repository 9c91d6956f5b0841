"""BackupService: what backups there are, whether they can be trusted, their bytes as one stream."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import IO, Any
from uuid import UUID

from django.db import connection, transaction
from isal import isal_zlib

from migration.backups.claimed import LATEST, Keep, stage_claims
from migration.errors import BackupUnreadable
from migration.models import Backup, Chunk

_IN_MEMORY = 1 << 20
"""A download up to this size is kept in memory, a larger one in a temporary file, bytes."""
_GZIP = 31  # zlib's window bits for "gzip header and checksum"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a backup; `chunk` is the id its device gave the chunk."""

    code: str
    detail: str
    chunk: UUID | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What an examination found: the latest line per key, their set digest, and what is wrong."""

    entries: int
    digest: bytes
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Tell whether the backup can be trusted."""
        return not self.problems


def list_backups(*, owner_id: UUID) -> list[Backup]:
    """Return an owner's backups with their runs, newest first."""
    return list(Backup.objects.filter(owner_id=owner_id).select_related("run").order_by("-created_at", "id"))


def examine(backup: Backup, *, chunks: Iterable[Chunk], open_payload: Callable[[Chunk], bytes]) -> Examination:
    """Open every chunk, hold it to its sums, and hold all of them to the backup's digest. Changes nothing."""
    problems: list[Problem] = []
    with transaction.atomic():
        stage_claims(_sound(chunks, open_payload, problems))
        with connection.cursor() as cursor:
            entries, digest = _totals(cursor)
    if backup.state == Backup.State.SEALED and digest != bytes(backup.digest or b""):
        problems.append(Problem("digest_mismatch", "The entries are not those that were sealed."))
    return Examination(entries, digest, tuple(problems))


def _totals(cursor: Any) -> tuple[int, bytes]:
    """Count what is staged, the latest line per key, with its set digest."""
    cursor.execute(
        f"""SELECT count(*), sha256(coalesce(string_agg(fingerprint, ''::bytea ORDER BY fingerprint), ''))
            FROM ({LATEST}) latest"""
    )
    entries, digest = cursor.fetchone()
    return entries, bytes(digest)


def _sound(
    chunks: Iterable[Chunk], open_payload: Callable[[Chunk], bytes], problems: list[Problem]
) -> Iterator[tuple[Chunk, list[bytes]]]:
    for chunk in chunks:
        try:
            payload = open_payload(chunk)
        except BackupUnreadable as error:
            problems.append(Problem(error.code, error.detail, chunk.key))
            continue
        lines = payload[:-1].split(b"\n")
        if sha256(payload).digest() != bytes(chunk.sha256):
            problems.append(
                Problem("checksum_mismatch", "A chunk does not have the sum it was stored with.", chunk.key)
            )
        elif len(lines) != chunk.entries:
            problems.append(Problem("entry_count", "A chunk does not hold as many entries as it should.", chunk.key))
        else:
            yield chunk, lines


def write_download(*, chunks: Iterable[tuple[Chunk, list[bytes]]]) -> tuple[IO[bytes], bytes]:
    """Return a file with the latest line per key in the order of key hashes, gzipped, and their set digest.

    Postgres sorts; neither it nor we hold more than a few lines in memory. Spooled to a file, because the digest
    goes before the bytes, and a slow reader must not keep a transaction open. The caller closes the file.
    """
    spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - handed to the caller
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            stage_claims(chunks, keep=Keep.LINES)
            packer = isal_zlib.compressobj(level=1, wbits=_GZIP)
            for line in _latest_lines(cursor):
                spool.write(packer.compress(line + b"\n"))
            spool.write(packer.flush())
            _, digest = _totals(cursor)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool, digest


def _latest_lines(cursor: Any) -> Iterator[bytes]:
    with cursor.copy(f"COPY (SELECT line FROM ({LATEST}) latest) TO STDOUT (FORMAT BINARY)") as copy:
        copy.set_types(["bytea"])
        for (line,) in copy.rows():
            yield line


def mark_verified(backup: Backup, *, at: datetime) -> None:
    """Note when a backup was last found sound."""
    Backup.objects.filter(id=backup.id).update(verified_at=at)


class BackupService:
    """The room's verbs under the seed's name."""

    list_backups = staticmethod(list_backups)
    examine = staticmethod(examine)
    write_download = staticmethod(write_download)
    mark_verified = staticmethod(mark_verified)
