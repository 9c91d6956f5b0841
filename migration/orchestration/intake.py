"""Intake: a run is planned, its chunks are stored before they are acknowledged, its upload is sealed.

Only the envelope is judged here, and the one thing that cannot wait: secrets are refused before they are stored.
Whatever else is wrong with one entry is quarantine. Everything may be repeated: the outcome is that of once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from migration import detection, dispatch, progress, uploads
from migration.asking import Rows, ask, ask_all
from migration.config import fault_point, setting
from migration.errors import (
    EntryCountWrong,
    FenceSuperseded,
    NotFound,
    RunExpired,
    SensitiveItem,
    StaleEpoch,
    WrongState,
)
from migration.events import Message
from migration.lifecycle import begin_verification_if_loaded, move_upload, start_run
from migration.models import App, Device, MigrationRun
from migration.orchestration import quotas
from migration.states import RunState, UploadState
from migration.states.run import ACCEPTS_CHUNKS
from migration.uploads import ChunkHead, Outcome, Standing
from migration.values import manifests
from migration.values.collections import compile_patterns
from migration.values.epochs import Epoch
from migration.values.lines import decode_slices, literal
from migration.values.manifests import Manifest
from migration.values.questions import Question, Statement

# Asked after a lock, by itself: what is joined to a locked row is as old as the statement that waited for it.
_HOLDS = Statement("""
SELECT d.fence, a.epoch, o.epoch FROM migration_device d
JOIN migration_owner o ON o.id = d.owner_id JOIN migration_app a ON a.id = o.app_id WHERE d.id = %(device)s::uuid
""")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: one device of one owner of one app, the epoch that holds now, the fence its leading tab shows."""

    app: App
    owner_id: UUID
    device_id: UUID
    epoch: Epoch
    fence: int | None = None
    is_guest: bool = False
    pinned: bool = True
    """Whether the app may have pinned a schema."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One chunk on its way in: what is said of it, and its body as received."""

    head: ChunkHead
    body: bytes


def receive_chunk(*, sender: Sender, run_id: UUID, parcel: Parcel, at: datetime) -> Outcome:
    """Store one chunk of a run and ring for a worker; say whether it was new.

    Raises NotFound, WrongState (with `state`), RunExpired, StaleEpoch, FenceSuperseded, IdempotencyMismatch,
    OverQuota, and whatever opening it raises.
    """
    seen, found = ask_all([_asked(sender, run_id), uploads.finding(run_id=run_id, head=parcel.head)])
    standing = _standing(seen)
    if uploads.is_stored(found, parcel.head):
        return Outcome.DUPLICATE
    _refuse_closed(standing, sender.epoch, at=at)
    open_parcel(parcel, app=sender.app)
    use = use_of([parcel])
    fault_point("intake.before_store")
    with transaction.atomic():
        # In one breath: whatever the lock has to say against it takes back what was stored.
        seen, held, stored, spent = ask_all(
            [
                _asked(sender, run_id, lock=True),
                holding(sender),
                storing(sender, run_id, parcel, at),
                quotas.spending(use, app_id=sender.app.id, owner_id=sender.owner_id, at=at),
            ]
        )
        standing = _standing(seen)
        epoch = hold_fence(sender, held)
        outcome = uploads.outcome_of(stored, run_id=run_id, head=parcel.head)
        if outcome is Outcome.STORED:
            _refuse_closed(standing, epoch, at=at)
            if standing.state == RunState.PLANNED:
                start_run(run_id, at=at)
            _tell(run_id, Message.STAGE if standing.state == RunState.PLANNED else Message.PROGRESS)
            hold_quota(sender, spent, use, at=at)
        else:
            transaction.set_rollback(True)  # what is here already is not counted twice
    fault_point("intake.after_commit")
    return outcome


def seal(*, sender: Sender, run_id: UUID, manifest: Manifest, at: datetime) -> MigrationRun:
    """Seal a run's upload under `manifest` (the known one, or an amendment) and return the run.

    When everything is loaded already, verification begins. Sealing again with the same manifest changes nothing.
    Raises NotFound, WrongState, RunExpired, StaleEpoch, FenceSuperseded, ManifestInvalid, ManifestShrinks.
    """
    manifests.check(manifest)
    with transaction.atomic():
        run = _locked_run(sender, run_id)
        if not _sealed_so_already(run, manifest):
            _refuse_closed(run, _refuse_superseded(sender), at=at)
            _amend(run, manifest)
            if run.state == RunState.PLANNED:
                start_run(run_id, at=at)
            if run.upload_state == UploadState.OPEN:
                move_upload(run_id, UploadState.SEALED, sealed_at=at)
            begin_verification_if_loaded(run_id, at=at)
            _tell(run_id, Message.STAGE)
    return MigrationRun.objects.get(id=run_id)


def open_parcel(parcel: Parcel, *, app: App) -> None:
    """Open a chunk's envelope, read its lines and refuse secrets.

    Raises TooLarge, InflateLimit, EncodingInvalid, ChecksumMismatch, LineForm, EntryCountWrong, SensitiveItem.
    """
    head = parcel.head
    most = int(setting("CHUNK_ENTRIES"))
    if not 1 <= head.entries <= most:
        raise EntryCountWrong(f"A chunk holds 1 to {most} entries.", limit=most)
    envelope = uploads.Envelope(parcel.body, head.encoding, head.sha256, head.payload_bytes)
    payload = uploads.open_envelope(envelope, limits=uploads.limits_for(head.entries))
    allowed = compile_patterns(app.allow_sensitive) if app.allow_sensitive else None
    held, findings = 0, []
    for part, lines in decode_slices(payload):
        held += len(lines)
        findings += detection.scan_entries(part, lines, allowed=allowed)
    if held != head.entries:
        raise EntryCountWrong(f"The payload holds {held} entries, {head.entries} were announced.")
    if findings:
        raise SensitiveItem(items=[{"key": literal(one.key).decode(), "rule": one.rule} for one in findings])


def storing(sender: Sender, run_id: UUID, parcel: Parcel, at: datetime) -> Question:
    """Return the question that stores a chunk; `uploads.outcome_of` reads the answer."""
    ids = {"app_id": sender.app.id, "owner_id": sender.owner_id, "run_id": run_id}
    return uploads.storing(**ids, head=parcel.head, body=parcel.body, at=at)


def use_of(parcels: Sequence[Parcel], *, runs: int = 0) -> quotas.Use:
    """Return what storing these chunks uses."""
    heads = [parcel.head for parcel in parcels]
    return quotas.Use(sum(head.payload_bytes for head in heads), sum(head.entries for head in heads), runs)


def hold_quota(sender: Sender, spent: Rows, use: quotas.Use, *, at: datetime) -> None:
    """Judge the answer to `quotas.spending`. Raises OverQuota."""
    app, owner_id = sender.app, sender.owner_id
    quotas.hold(spent, use, app_id=app.id, limits=app.limits, owner_id=owner_id, is_guest=sender.is_guest, at=at)


def _tell(run_id: UUID, message: Message) -> None:
    """After the commit tell who watches, and wake a worker."""
    progress.announce(run_id, message)
    dispatch.ring()


def _asked(sender: Sender, run_id: UUID, *, lock: bool = False) -> Question:
    return uploads.standing(run_id=run_id, owner_id=sender.owner_id, device_id=sender.device_id, lock=lock)


def _standing(rows: Rows) -> Standing:
    standing = Standing.of(rows)
    if standing is None:
        raise NotFound("There is no such run.")
    return standing


def _locked_run(sender: Sender, run_id: UUID) -> MigrationRun:
    runs = MigrationRun.objects.filter(id=run_id, owner_id=sender.owner_id, device_id=sender.device_id)
    run = runs.select_for_update(no_key=True).order_by().first()
    if run is None:
        raise NotFound("There is no such run.")
    return run


def _refuse_closed(run: MigrationRun | Standing, epoch: Epoch, *, at: datetime) -> None:
    """Raise unless the run takes chunks now, under the epoch that holds now.

    A rollback of the owner ends the runs before it. A change of a stage does not: what is loaded is merged as the
    stage says that holds then.
    """
    if run.state == RunState.EXPIRED or (run.state == RunState.PLANNED and run.expires_at < at):
        raise RunExpired
    if run.state not in ACCEPTS_CHUNKS or run.cancel_wished:
        raise WrongState(f"The run is {run.state} and takes no chunks.", state=str(run.state))
    if Epoch.parse(run.epoch).owner < epoch.owner:
        raise StaleEpoch("The run began under an older epoch; start a new one.", epoch=str(epoch))


def _refuse_superseded(sender: Sender) -> Epoch:
    """Keep the device's highest fence; raise FenceSuperseded for a lower one. The run's row is locked.

    Return the epoch that holds now.
    """
    return hold_fence(sender, ask(holding(sender)))


def holding(sender: Sender) -> Question:
    """Return the question for the fence and the epochs that hold now; `hold_fence` reads the answer."""
    return _HOLDS.of({"device": sender.device_id})


def hold_fence(sender: Sender, found: Rows) -> Epoch:
    """Keep the device's highest fence; return the epoch that holds now. Raises FenceSuperseded for a lower fence."""
    if not found:
        raise NotFound("There is no such device.")  # its owner was erased a moment ago
    [(highest, of_app, of_owner)] = found
    if sender.fence is not None and sender.fence < highest:
        raise FenceSuperseded(fence=highest)
    if sender.fence is not None and sender.fence > highest:
        Device.objects.filter(id=sender.device_id, fence__lt=sender.fence).update(fence=sender.fence)
    return Epoch(of_app, of_owner)


def _sealed_so_already(run: MigrationRun, manifest: Manifest) -> bool:
    """Tell whether this very seal was committed before: its answer may have been lost."""
    same = bytes(run.manifest_digest) == manifests.manifest_digest(manifest)
    return same and run.upload_state in (UploadState.SEALED, UploadState.CONSUMED)


def _amend(run: MigrationRun, manifest: Manifest) -> None:
    manifests.check_amendment(
        version=run.manifest_version,
        entries=run.manifest["entries"],
        digest=bytes(run.manifest_digest),
        by=manifest,
    )
    MigrationRun.objects.filter(id=run.id).update(**manifest_columns(manifest))


def manifest_columns(manifest: Manifest) -> dict[str, Any]:
    """Return what a run keeps of its manifest."""
    return {
        "manifest": manifests.manifest_json(manifest),
        "manifest_version": manifest.version,
        "manifest_digest": manifests.manifest_digest(manifest),
        "entries_total": manifest.entries,
        "bytes_total": manifest.bytes,
    }
