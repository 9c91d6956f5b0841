"""Runs brought to a state by doing what leads there: uploaded, loaded, verified."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from migration.models import Backup, Device, MigrationRun, RollbackPoint
from migration.orchestration.verification import verify_run
from migration.states import RunState, UploadState
from tests.factories.loads import make_device, make_run, put_chunk
from tests.factories.uploads import manifest_of
from tests.factories.workers import Worker

Entries = Mapping[str, str | None]
COLLECTIONS = (("todo", ("todo:*",)), ("note", ("note:*",)))


def sealed_run(
    entries: Entries,
    *,
    device: Device | None = None,
    chunks: Sequence[Entries] | None = None,
    seq: int = 1,
    **columns: Any,
) -> MigrationRun:
    """Return a run whose manifest names `entries` and whose chunks (by default one) are stored and sealed."""
    manifest = manifest_of(entries, collections=COLLECTIONS)
    run = make_run(device or make_device(), **{"collections": manifest["collections"], **columns})
    run.owner.refresh_from_db()
    Backup.objects.create(run=run, owner_id=run.owner_id)
    if run.purpose == MigrationRun.Purpose.MIGRATE and not run.dry_run:
        RollbackPoint.objects.create(owner=run.owner, run=run, name="before", revision=run.owner.revision)
    for place, part in enumerate([entries] if chunks is None else chunks):
        put_chunk(run, part.items(), seq=seq + place)
    seal(run, manifest)
    return run


def seal(run: MigrationRun, manifest: dict[str, Any]) -> None:
    """Seal a run's upload under `manifest`."""
    MigrationRun.objects.filter(id=run.id).update(
        manifest=manifest,
        manifest_digest=bytes(32),
        manifest_version=manifest["version"],
        entries_total=manifest["entries"],
        upload_state=UploadState.SEALED,
        sealed_at=timezone.now(),
    )
    run.refresh_from_db()


def loaded_run(worker: Worker, entries: Entries, **options: Any) -> MigrationRun:
    """Return a run that is loaded and waits for its verification."""
    run = sealed_run(entries, **options)
    worker.load_all()
    run.refresh_from_db()
    assert run.state == RunState.VERIFYING
    return run


def completed_run(worker: Worker, entries: Entries, **options: Any) -> MigrationRun:
    """Return a run with its receipt."""
    run = loaded_run(worker, entries, **options)
    assert verify_run(run.id, at=timezone.now()).outcome == "completed"
    run.refresh_from_db()
    return run
