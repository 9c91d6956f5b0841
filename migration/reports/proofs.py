"""Proofs that rollback works, kept: gates ask how old the newest is and what it came to."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from migration.config import setting
from migration.models import App, CutoverPlan, RollbackProof
from migration.reports.rehearsal import rehearse

MOST_APPS = 5
"""Apps rehearsed for in one go."""


def prove_rollbacks(*, at: datetime) -> int:
    """Rehearse a rollback for apps with a plan whose newest proof is old or missing; return for how many.

    Proofs older than gates may look at are forgotten. Two at once prove twice, which does no harm.
    """
    fresh = RollbackProof.objects.filter(app=OuterRef("pk"), at__gt=at - timedelta(seconds=setting("PROOF_SECONDS")))
    planned = CutoverPlan.objects.filter(app=OuterRef("pk"))
    due = (
        App.objects.filter(~Exists(fresh), Exists(planned), is_active=True).order_by("id").values_list("id", flat=True)
    )
    taken = list(due[:MOST_APPS])
    for app_id in taken:
        found = rehearse(app_id=app_id, at=at)
        RollbackProof.objects.create(
            app_id=app_id, passed=found.passed, detail=found.detail, milliseconds=found.milliseconds, at=at
        )
    RollbackProof.objects.filter(at__lt=at - timedelta(days=setting("PULSE_DAYS"))).delete()
    return len(taken)
