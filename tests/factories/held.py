"""What the tables hold, read back into plain values a test can compare."""

from dataclasses import dataclass
from uuid import UUID

from migration.models import Conflict, Owner, QuarantineEntry, Record, RecordVersion
from migration.models.records import Form
from migration.values.digests import fingerprint
from migration.values.lines import encode_line, text_of


@dataclass(frozen=True)
class Held:
    """One record or superseded version, its value as the browser had it (None: a tombstone)."""

    key: str
    value: str | None
    revision: int
    seq: int
    device_id: UUID | None
    cause: str
    until: int | None = None


def value_of(form: int, text: str | None) -> str | None:
    """Return the entry's string out of its column, as `form` says."""
    if text is None:
        return None
    return text if form == Form.VERBATIM else text_of(text)


def _held(row: Record | RecordVersion) -> Held:
    key, value = text_of(row.key_json), value_of(row.form, row.value)
    assert fingerprint(encode_line(key, value)) == bytes(row.fingerprint), "the fingerprint is not the value's"
    return Held(key, value, row.revision, row.seq, row.device_id, row.cause, getattr(row, "superseded_by", None))


def records_of(owner: Owner) -> dict[str, Held]:
    """Return an owner's current records by key, tombstones included."""
    return {one.key: one for one in map(_held, Record.objects.filter(owner_id=owner.id))}


def values_of(owner: Owner) -> dict[str, str | None]:
    """Return an owner's current values by key, tombstones as None."""
    return {key: held.value for key, held in records_of(owner).items()}


def versions_of(owner: Owner) -> list[Held]:
    """Return an owner's superseded versions in order of their revisions."""
    rows = RecordVersion.objects.filter(owner_id=owner.id).order_by("revision")
    return [_held(row) for row in rows]


def rebuilt(owner: Owner, revision: int) -> dict[str, str | None]:
    """Rebuild what an owner's records were at a revision, out of records and history alone."""
    every = [*records_of(owner).values(), *versions_of(owner)]
    then = [one for one in every if one.revision <= revision and (one.until is None or one.until > revision)]
    assert len({one.key for one in then}) == len(then), "two versions of one key hold at once"
    return {one.key: one.value for one in then}


def losers_of(owner: Owner) -> list[tuple[str, str | None, str]]:
    """Return (key, losing value, winner) of an owner's conflicts, oldest first."""
    rows = Conflict.objects.filter(owner_id=owner.id).order_by("id")
    return [(text_of(row.key_json), value_of(row.loser_form, row.loser_value), row.winner) for row in rows]


def quarantined_of(owner: Owner) -> list[tuple[int, str, bytes]]:
    """Return (ordinal, code, line) of an owner's quarantine in order."""
    rows = QuarantineEntry.objects.filter(owner_id=owner.id).order_by("chunk_id", "ordinal")
    return [(row.ordinal, row.code, bytes(row.line)) for row in rows]
