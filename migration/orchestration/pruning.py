"""What of the past goes, and when: each owner is looked at once in a while, a bounded number of rows at a time.

Nobody waits for it: an owner somebody is writing for is passed over, and a commit takes so many rows and no more. What
dies in the middle has either raised the horizon and deleted below it, or done nothing; the next look goes on.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from migration import custody
from migration.config import fault_point, setting
from migration.lifecycle import audit
from migration.models import AppPoint, AppRollback, Owner

_POINTS = """
DELETE FROM migration_rollbackpoint p WHERE p.owner_id = %s AND p.app_point_id IS NULL AND p.created_at < %s
    AND NOT EXISTS (SELECT FROM migration_migrationrun m
                    WHERE m.id = p.run_id AND m.state NOT IN ('completed', 'rolled_back', 'cancelled', 'expired'))
    AND NOT EXISTS (SELECT FROM migration_rollback b WHERE b.point_id = p.id AND b.state = 'requested')
    AND EXISTS (SELECT FROM migration_rollbackpoint n
                WHERE n.owner_id = p.owner_id AND (n.created_at, n.id) > (p.created_at, p.id))
"""


def prune(*, at: datetime) -> int:
    """Look at the owners nobody has looked at for longest; return how many rows went."""
    _forget_app_points(at=at)
    return sum(prune_owner(owner_id, at=at) for owner_id in _due(at=at))


def prune_owner(owner_id: UUID, *, at: datetime) -> int:
    """Raise an owner's horizon as far as nobody needs the past, and delete some of what is below; return the rows.

    Does nothing where somebody holds the owner's lock.
    """
    with transaction.atomic():
        owner = Owner.objects.select_for_update(no_key=True, skip_locked=True).filter(id=owner_id).first()
        if owner is None:
            return 0
        gone = _prune(owner, at=at)
        if gone:
            fault_point("prune.before_commit")
    if gone:
        fault_point("prune.after_commit")
    return gone


def _prune(owner: Owner, *, at: datetime) -> int:
    most, points = int(setting("PRUNE_ROWS")), at - _days("POINT_DAYS")
    since = at - max(_days("OUTBOX_DAYS"), _days("TOMBSTONE_DAYS"))
    if owner.created_at >= since:
        Owner.objects.filter(id=owner.id).update(pruned_at=at)
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_POINTS, [owner.id, points])
        aged = cursor.rowcount
    facts = custody.facts_of(owner_id=owner.id, since=since, points=points)
    if facts is None:
        return 0
    horizon = custody.horizon_of(facts)
    gone = custody.prune_below(owner_id=owner.id, horizon=horizon.revision, since=since, most=most)
    before = at - _days("CONFLICT_DAYS")
    gone["migration_conflict"] = custody.forget_conflicts(
        owner_id=owner.id, horizon=horizon.revision, before=before, most=most
    )
    # An owner of whom more is left is looked at again by the next sweep.
    pruned_at = owner.pruned_at if max(gone.values()) >= most else at
    Owner.objects.filter(id=owner.id).update(horizon=horizon.revision, pruned_at=pruned_at)
    if aged or horizon.revision > owner.horizon:
        data = {"horizon": horizon.revision, "bound_by": horizon.reason, "points": aged, "rows": gone}
        audit(
            actor="retention",
            action="history_pruned",
            target=owner.id,
            at=at,
            app_id=owner.app_id,
            owner_id=owner.id,
            data=data,
        )
    return sum(gone.values())


def _due(*, at: datetime) -> list[UUID]:
    rested = Q(pruned_at__isnull=True) | Q(pruned_at__lt=at - timedelta(seconds=setting("PRUNE_SECONDS")))
    return list(
        Owner.objects.filter(rested)
        .order_by(F("pruned_at").asc(nulls_first=True))
        .values_list("id", flat=True)[: _at_once()]
    )


def _at_once() -> int:
    return int(setting("PRUNE_OWNERS"))


def _forget_app_points(*, at: datetime) -> None:
    """An app's point goes whole: an owner missing from one that stays would be taken for one that held nothing."""
    under_way = AppRollback.objects.filter(finished_at__isnull=True, point__isnull=False).values("point_id")
    old = AppPoint.objects.filter(created_at__lt=at - _days("POINT_DAYS")).exclude(id__in=under_way)
    for point in old.order_by("created_at")[: _at_once()]:
        if AppPoint.objects.filter(app_id=point.app_id, created_at__gt=point.created_at).exists():
            point.delete()


def _days(name: str) -> timedelta:
    return timedelta(days=setting(name))
