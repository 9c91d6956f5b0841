"""What must happen though nobody asks: lost bells rung again, dead claims released, old things expired."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from migration import cutover, dispatch
from migration.config import setting
from migration.lifecycle import move_run, move_upload, release_dead_claims
from migration.models import MigrationRun, SocketTicket
from migration.orchestration.archiving_jobs import forget_jobs
from migration.orchestration.inferring import fold_samples
from migration.orchestration.planning import look
from migration.orchestration.pruning import prune
from migration.orchestration.pulse import fold_pulse
from migration.orchestration.retention import expire_backups
from migration.states import RunState, UploadState

SWEEP_LOCK = 0x73776570
"""Advisory lock under which one sweep at a time acts."""

_WAITING = """
SELECT EXISTS (SELECT FROM migration_chunk c JOIN migration_migrationrun r ON r.id = c.run_id
               WHERE c.state = 'stored' AND r.state = 'transferring' AND NOT r.pause_wished)
    OR EXISTS (SELECT FROM migration_migrationrun WHERE state = 'verifying')
    OR EXISTS (SELECT FROM migration_migrationrun WHERE cancel_wished AND state IN ('planned', 'transferring'))
    OR EXISTS (SELECT FROM migration_rollback WHERE state = 'requested' AND app_rollback_id IS NULL)
    OR EXISTS (SELECT FROM migration_approllback WHERE state = 'at_work')
    OR EXISTS (SELECT FROM migration_replay WHERE state = 'requested')
    OR EXISTS (SELECT FROM migration_erasure WHERE state = 'requested')
"""


def sweep(*, at: datetime) -> bool:
    """Clear up once; return False when another sweeper is at it."""
    with transaction.atomic():
        if not _alone():
            return False
        release_dead_claims(at=at)
        SocketTicket.objects.filter(expires_at__lt=at).delete()
        _expire_idle_runs(at=at)
        _delete_dry_runs(at=at)
        expire_backups(at=at)
        forget_jobs(at=at)
        if _work_waits():
            dispatch.ring_anyway()
    cutover.settle_all(at=at)
    fold_pulse(at=at)
    fold_samples(at=at)
    look(at=at)
    prune(at=at)
    return True


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SWEEP_LOCK])
        return bool(cursor.fetchone()[0])


def _work_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return bool(cursor.fetchone()[0])


def _expire_idle_runs(*, at: datetime) -> None:
    idle = MigrationRun.objects.filter(state=RunState.PLANNED, expires_at__lt=at)
    for run_id in idle.values_list("id", flat=True)[:100]:
        move_run(run_id, RunState.EXPIRED, why="nothing came in time", at=at)
        move_upload(run_id, UploadState.EXPIRED)


def _delete_dry_runs(*, at: datetime) -> None:
    """What a dry run left goes after an hour; it wrote no record, so deleting the run is all."""
    MigrationRun.objects.filter(
        dry_run=True, created_at__lt=at - timedelta(seconds=setting("DRY_RUN_SECONDS"))
    ).delete()
