"""Owners of an archive and who they are here: the same, another of the same name, or nobody yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from django.db import connection

from migration import custody
from migration.archives import OwnerLine
from migration.loading import wait_for_owners
from migration.values.versions import Version

_HERE = """
SELECT o.kind, o.subject, o.id FROM unnest(%s::text[], %s::text[]) AS s(kind, subject)
JOIN migration_owner o ON o.app_id = %s AND o.kind = s.kind AND o.subject = s.subject
"""
_TAKEN = "SELECT id FROM migration_owner WHERE id = ANY(%s)"
_BURIED = "SELECT mark FROM migration_tombstone WHERE app_id = %s AND mark = ANY(%s)"
_CREATE = """
INSERT INTO migration_owner (id, app_id, kind, subject, revision, horizon, epoch, created_at, last_seen_at)
SELECT id, %s, kind, subject, 0, horizon, epoch, created_at, last_seen_at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS s(id, kind, subject, horizon, epoch, created_at, last_seen_at)
ON CONFLICT DO NOTHING
"""
_RISE = """
UPDATE migration_owner o SET revision = s.revision FROM unnest(%s::uuid[], %s::bigint[]) AS s(id, revision)
WHERE o.id = s.id
"""


@dataclass(slots=True)
class Target:
    """Who an archive's owner is here.

    `is_exact`: nothing was held, so all is written as it was. `is_erased`: whoever was erased does not come back.
    `last` is the key up to which its current records are through.
    """

    owner_id: UUID
    is_exact: bool
    is_erased: bool = False
    is_renamed: bool = False
    last: tuple[str, str] | None = None

    def id_here(self, given: UUID | str) -> UUID:
        """Return the id a device or run of the archive has here: its own unless the owner has another one."""
        given = given if isinstance(given, UUID) else UUID(given)
        return uuid5(self.owner_id, str(given)) if self.is_renamed else given

    def versions_here(self, given: Sequence[Version]) -> Sequence[Version]:
        """Return versions as they are here: by the devices and runs of this owner, who are few."""
        if not self.is_renamed:
            return given
        theirs = {one.device_id for one in given} | {one.run_id for one in given}
        here = {one: str(self.id_here(one)) for one in theirs if one is not None}
        return [
            one._replace(device_id=here.get(one.device_id or ""), run_id=here.get(one.run_id or "")) for one in given
        ]


def find_targets(app_id: UUID, owners: Sequence[OwnerLine]) -> list[Target]:
    """Return who these owners are here, made where they were nobody, all locked until the transaction ends."""
    buried = _buried(app_id, owners)
    wanted = [owner for owner in owners if _mark(app_id, owner) not in buried]
    known = owners_here(app_id, wanted)
    new = [owner for owner in wanted if (owner.kind, owner.subject) not in known]
    if new:
        _create(app_id, new)
        known = owners_here(app_id, wanted)
    revisions = wait_for_owners(known.values())
    targets = []
    for owner in owners:
        owner_id = known.get((owner.kind, owner.subject))
        if owner_id is None:
            targets.append(Target(owner.id, is_exact=False, is_erased=True))
        else:
            targets.append(Target(owner_id, revisions[owner_id] == 0, is_renamed=owner_id != owner.id))
    _rise([(one.owner_id, owner.revision) for one, owner in zip(targets, owners, strict=True) if one.is_exact])
    return targets


def _mark(app_id: UUID, owner: OwnerLine) -> bytes:
    return custody.owner_mark(app_id=app_id, kind=owner.kind, subject=owner.subject)


def _buried(app_id: UUID, owners: Sequence[OwnerLine]) -> set[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(_BURIED, [app_id, [_mark(app_id, owner) for owner in owners]])
        return {bytes(mark) for (mark,) in cursor.fetchall()}


def owners_here(app_id: UUID, owners: Sequence[OwnerLine]) -> dict[tuple[str, str], UUID]:
    """Return the ids these owners have here, by (kind, subject); who is nobody here is left out."""
    with connection.cursor() as cursor:
        cursor.execute(_HERE, [[one.kind for one in owners], [one.subject for one in owners], app_id])
        return {(kind, subject): owner_id for kind, subject, owner_id in cursor.fetchall()}


def _create(app_id: UUID, owners: Sequence[OwnerLine]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [[one.id for one in owners]])
        taken = {owner_id for (owner_id,) in cursor.fetchall()}
        ids = [uuid5(app_id, str(one.id)) if one.id in taken else one.id for one in owners]
        columns = ("kind", "subject", "horizon", "epoch", "created_at", "last_seen_at")
        cursor.execute(_CREATE, [app_id, ids, *([getattr(one, name) for one in owners] for name in columns)])


def _rise(revisions: list[tuple[UUID, int]]) -> None:
    if revisions:
        ids, numbers = zip(*revisions, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_RISE, [list(ids), list(numbers)])
