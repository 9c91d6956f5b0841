"""A sealed backup written back into its owner's records: checked whole first, then one transaction, once.

What comes back is the latest line of each key. It is judged by the rules that hold now, as any entry is. A restore
never deletes: keys the backup does not hold, or holds as deleted, stay as they are.
"""

import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import IO
from uuid import UUID, uuid4

from django.db import transaction

from migration import cutover, lifecycle, progress
from migration.config import fault_point
from migration.errors import BackupUnreadable, IdempotencyMismatch, NotFound
from migration.loading import Part, restore
from migration.mapping import DataMapper
from migration.models import Backup, Owner, Restoration
from migration.orchestration.pipeline import plans_for
from migration.orchestration.retrieving import download_backup, readable_backup
from migration.rollback import RollbackService
from migration.values.lines import Line, Lines, decode_line

BATCH = 2000
"""Lines in memory at a time."""
POINT = "before restore"


def preview_restore(*, owner_id: UUID, backup_id: UUID, mode: Restoration.Mode, at: datetime) -> Restoration:
    """Return what a restore would come to: the same function without the commit. Raises as `restore_backup`."""
    order = Restoration(owner_id=owner_id, backup_id=backup_id, mode=mode, idempotency_key=uuid4(), created_at=at)
    backup = _sealed(order)
    with download_backup(owner_id=owner_id, backup_id=backup_id).file as file, transaction.atomic():
        _lock(owner_id)
        _restore(order, backup, file)
        transaction.set_rollback(True)
    return order


def restore_backup(
    *, owner_id: UUID, backup_id: UUID, mode: Restoration.Mode, idempotency_key: UUID, actor: str, at: datetime
) -> Restoration:
    """Restore a backup. Asked again or at the same time under the same key, the first restoration is returned.

    Raises NotFound, BackupExpired, BackupUnreadable (also for a backup that is not sealed) before anything changes,
    IdempotencyMismatch for a key used for another restoration.
    """
    order = Restoration(
        owner_id=owner_id,
        backup_id=backup_id,
        mode=mode,
        idempotency_key=idempotency_key,
        actor=actor,
        created_at=at,
    )
    if known := _known(order):
        return known
    backup = _sealed(order)
    with download_backup(owner_id=owner_id, backup_id=backup_id).file as file, transaction.atomic():
        _lock(owner_id)
        if known := _known(order):
            return known
        _restore(order, backup, file)
        fault_point("restore.before_commit")
    fault_point("restore.after_commit")
    return order


def _known(order: Restoration) -> Restoration | None:
    known = Restoration.objects.filter(owner_id=order.owner_id, idempotency_key=order.idempotency_key).first()
    if known is not None and (known.backup_id, known.mode) != (order.backup_id, order.mode):
        raise IdempotencyMismatch("This key was used for another restoration.")
    return known


def _sealed(order: Restoration) -> Backup:
    backup = readable_backup(order.owner_id, order.backup_id)
    if backup.state != Backup.State.SEALED:
        raise BackupUnreadable("The backup is not sealed: nobody can tell whether it is whole.")
    return backup


def _lock(owner_id: UUID) -> None:
    if not Owner.objects.select_for_update(no_key=True).filter(id=owner_id).exists():
        raise NotFound("There is no such owner.")


def _restore(order: Restoration, backup: Backup, file: IO[bytes]) -> None:
    """Make the way back, write the lines, and say so; all in the caller's transaction."""
    owner_id, actor, at = order.owner_id, order.actor, order.created_at
    order.point_id = RollbackService.create_point(owner_id=owner_id, name=POINT, actor=actor, at=at).id
    counts = _write(order, backup, file)
    for name, count in counts.items():
        setattr(order, name, count)
    if order.came_back or order.replaced:
        epoch = cutover.raise_owner_epoch(owner_id=owner_id, cause="restore", actor=actor, at=at)
        progress.announce_epoch(owner_id, epoch)
    order.save(force_insert=True)
    app_id = Owner.objects.values_list("app_id", flat=True).get(id=owner_id)
    data = {"backup": str(order.backup_id), "mode": order.mode, "point": str(order.point_id), **counts}
    lifecycle.audit(
        actor=actor, action="backup_restored", target=order.id, at=at, app_id=app_id, owner_id=owner_id, data=data
    )


def _write(order: Restoration, backup: Backup, file: IO[bytes]) -> Counter[str]:
    plan = plans_for([backup.run_id])[backup.run_id]
    app_id = Owner.objects.values_list("app_id", flat=True).get(id=order.owner_id)
    mapper, counts = DataMapper(label_all=plan.label.label_all), Counter[str]()
    for number, lines in enumerate(_batches(file)):
        taken = [line for line in lines if plan.rules.judge(0, line, plan.label.label(line.key)) is None]
        counts["refused"] += len(lines) - len(taken)
        part = Part.unclaimed(plan.terms, owner_id=order.owner_id, app_id=app_id, place=number, seq=0)
        part.rows += mapper.rows(Lines.of(taken))
        counts += restore(part, replaces=order.mode == Restoration.Mode.REPLACE, at=order.created_at)
        fault_point("restore.after_batch")
    return counts


def _batches(file: IO[bytes]) -> Iterator[list[Line]]:
    """Yield the backup's lines, those of deletions left out."""
    with gzip.open(file) as unpacked:
        while raw := list(islice(unpacked, BATCH)):
            lines = [decode_line(one.removesuffix(b"\n")) for one in raw]
            yield [line for line in lines if line.value is not None]
