"""Apps, owners, devices, runs and chunks straight into Postgres, for tests that start behind the doors.

Chunks go through the real `uploads.storing`, so what a worker opens is what intake would have sealed.
"""

import gzip
import hashlib
import itertools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F
from django.utils import timezone

from migration.asking import ask
from migration.models import App, Chunk, CollectionStage, Device, MigrationRun, Owner, RunEvent
from migration.states import RunState, UploadState
from migration.uploads import ChunkHead, storing
from migration.values.lines import encode_line

Entry = tuple[str, str | None]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)


def make_app(**columns: Any) -> App:
    """Return an app of its own."""
    number = next(_numbers)
    unique = f"{number}-{secrets.token_hex(4)}"
    return App.objects.create(slug=f"app-{unique}", name=f"App {number}", publishable_key=f"pk_{unique}", **columns)


def at_stage(app: App, stage: str, *, collection: str = "", percentage: int = 0) -> None:
    """Put an app, or one of its collections, at a stage: under a new epoch, as each change is."""
    wanted = {"stage": stage, "percentage": percentage, "changed_at": timezone.now()}
    CollectionStage.objects.update_or_create(app=app, collection=collection, defaults=wanted)
    App.objects.filter(id=app.id).update(epoch=F("epoch") + 1)


def make_owner(app: App | None = None, **columns: Any) -> Owner:
    """Return an account of `app`, or of an app of its own."""
    return Owner.objects.create(app=app or make_app(), kind="account", subject=secrets.token_hex(8), **columns)


def make_device(owner: Owner | None = None) -> Device:
    """Return a device of `owner`, or of an owner of its own."""
    return Device.objects.create(owner=owner or make_owner(), key=uuid4())


def make_run(
    device: Device | None = None,
    *,
    collections: Sequence[Mapping[str, Any]] = (),
    state: RunState = RunState.TRANSFERRING,
    **columns: Any,
) -> MigrationRun:
    """Return a run of `device` that takes and loads chunks, under the epoch of now."""
    device = device or make_device()
    owner = Owner.objects.select_related("app").get(id=device.owner_id)
    listed = [
        {"name": one["name"], "patterns": one["patterns"], "entries": 0, "bytes": 0, "buckets": {}}
        for one in collections
    ]
    return MigrationRun.objects.create(
        **{
            "id": uuid4(),
            "app": owner.app,
            "owner": owner,
            "device": device,
            "state": state,
            "upload_state": UploadState.OPEN,
            "epoch": f"{owner.app.epoch}.{owner.epoch}",
            "request_digest": bytes(32),
            "manifest": {"version": 1, "entries": 0, "bytes": 0, "collections": listed},
            "manifest_digest": bytes(32),
            "expires_at": timezone.now() + timedelta(days=1),
            "conflict_policy": owner.app.conflict_policy,
            **columns,
        }
    )


def put_chunk(run: MigrationRun, entries: Iterable[Entry], *, seq: int, key: UUID | None = None) -> int:
    """Store a chunk with `entries` and return its id."""
    lines = [encode_line(name, value) for name, value in entries]
    payload = b"".join(line + b"\n" for line in lines)
    head = ChunkHead(
        id=key or uuid4(),
        seq=seq,
        entries=len(lines),
        payload_bytes=len(payload),
        sha256=hashlib.sha256(payload).digest(),
        encoding="gzip",
    )
    body = gzip.compress(payload, compresslevel=1)
    ids = {"app_id": run.app_id, "owner_id": run.owner_id, "run_id": run.id}
    ask(storing(**ids, head=head, body=body, at=timezone.now()))
    return Chunk.objects.values_list("id", flat=True).get(run_id=run.id, key=head.id)


def give_receipt(device: Device) -> MigrationRun:
    """Let a device have a receipt of its own, of a run that moved nothing."""
    return make_run(device, state=RunState.COMPLETED, receipt="a.b.c")


def happenings(run_id: UUID) -> list[str]:
    """Return the kinds of a run's timeline, in order."""
    return list(RunEvent.objects.filter(run_id=run_id).order_by("number", "id").values_list("kind", flat=True))
