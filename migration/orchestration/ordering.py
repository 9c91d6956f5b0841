"""A run is ordered: planned with its backup and its way back, with what came along stored, in one message to Postgres.

A user whose data fits into one request costs this one message, whatever has to be written; statement by statement it
was seventeen waits and most of what such a user cost the web process.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from psycopg import sql
from psycopg.errors import UniqueViolation

from migration import dispatch, lifecycle, progress, uploads
from migration.asking import Rows, ask, ask_all
from migration.config import setting
from migration.errors import IdempotencyMismatch, NotFound
from migration.events import Message
from migration.models import Backup, MigrationRun
from migration.orchestration import intake, quotas
from migration.orchestration.intake import Parcel, Sender
from migration.values import manifests
from migration.values.manifests import Manifest
from migration.values.questions import Question, Statement

_KNOWN = Statement("SELECT owner_id, device_id, request_digest FROM migration_migrationrun WHERE id = %(run)s::uuid")

# Before the fence is asked for: whoever has raised it at this moment is waited for.
_RAISE = Statement(
    "UPDATE migration_device SET fence = %(fence)s::bigint WHERE id = %(device)s::uuid AND fence < %(fence)s::bigint"
)
_GIVEN = {
    "id": "%(run)s::uuid",
    "app_id": "%(app)s::uuid",
    "owner_id": "owner.id",
    "device_id": "%(device)s::uuid",
    "purpose": "%(purpose)s::text",
    "dry_run": "%(dry_run)s::bool",
    "options": "%(options)s::jsonb",
    "conflict_policy": "%(conflict_policy)s::text",
    "request_digest": "%(digest)s::bytea",
    "epoch": "%(epoch)s::text",
    "start_revision": "owner.revision",
    "expires_at": "%(expires_at)s::timestamptz",
    "created_at": "%(at)s::timestamptz",
    "updated_at": "%(at)s::timestamptz",
    "manifest": "%(manifest)s::jsonb",
    "manifest_version": "%(manifest_version)s::int",
    "manifest_digest": "%(manifest_digest)s::bytea",
    "entries_total": "%(entries_total)s::bigint",
    "bytes_total": "%(bytes_total)s::bigint",
}


def _defaults(model: Any) -> dict[str, str]:
    """Return what the model puts into the columns nobody gives, as SQL."""
    found = {}
    for field in model._meta.concrete_fields:  # noqa: SLF001 - Django's documented name for it
        if field.column not in _GIVEN and not field.null:
            value = field.get_default()
            said = json.dumps(value) if isinstance(value, dict | list) else value
            found[field.column] = sql.Literal(said).as_string(None).replace("%", "%%")
    return found


_COLUMNS = {**_GIVEN, **_defaults(MigrationRun)}
_PLAN = Statement(f"""
WITH owner AS (
    SELECT id, revision FROM migration_owner WHERE id = %(owner)s::uuid
), run AS (
    INSERT INTO migration_migrationrun ({", ".join(_COLUMNS)}) SELECT {", ".join(_COLUMNS.values())} FROM owner
    RETURNING id, owner_id, start_revision
), backup AS (
    INSERT INTO migration_backup (id, run_id, owner_id, state, entries, bytes, created_at)
    SELECT gen_random_uuid(), id, owner_id, '{Backup.State.OPEN}', 0, 0, %(at)s::timestamptz FROM run
), point AS (
    INSERT INTO migration_rollbackpoint (id, owner_id, run_id, name, revision, created_at)
    SELECT gen_random_uuid(), owner_id, id, %(point)s::text, start_revision, %(at)s::timestamptz
    FROM run WHERE %(point)s::text <> ''
)
SELECT true FROM run
""")


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a device asks for when it creates a run. `digest` tells a repeat from another order under the same id."""

    id: UUID
    purpose: str
    dry_run: bool
    options: dict[str, Any]
    manifest: Manifest
    digest: bytes
    parcels: Sequence[Parcel] = ()
    seal: bool = False

    @property
    def becomes_records(self) -> bool:
        """Tell whether there will be something to go back from."""
        return self.purpose == MigrationRun.Purpose.MIGRATE and not self.dry_run

    @property
    def starts(self) -> bool:
        """Tell whether the run starts at once."""
        return bool(self.parcels) or self.seal


def create_run(*, sender: Sender, order: RunOrder, at: datetime) -> tuple[MigrationRun, bool]:
    """Plan a run, store the chunks that came with it and seal it if asked; say whether it is new.

    The run has what a snapshot shows. All of it commits together. Raises ManifestInvalid, IdempotencyMismatch,
    NotFound for an id that is another owner's, FenceSuperseded, OverQuota, and whatever opening a chunk raises;
    nothing is kept then.
    """
    known = _repeated(sender, order)
    if known is not None:
        return known, False
    manifests.check(order.manifest)
    for parcel in order.parcels:
        intake.open_parcel(parcel, app=sender.app)
    try:
        with transaction.atomic():
            return _carry_out(sender, order, at=at), True
    except IntegrityError as error:
        known = _repeated(sender, order)  # the same order won the race
        if known is None and _is_taken(error):
            raise NotFound("There is no such run.") from error
        if known is None:
            raise
        return known, False


def _repeated(sender: Sender, order: RunOrder) -> MigrationRun | None:
    """Return the run an equal order made before."""
    known = ask(_KNOWN.of({"run": order.id}))
    if not known:
        return None
    [(owner_id, device_id, digest)] = known
    if owner_id != sender.owner_id:
        raise NotFound("There is no such run.")
    if (device_id, digest) != (sender.device_id, order.digest):
        raise IdempotencyMismatch("This run id was used before with another body.")
    return progress.shown(ask(progress.showing(order.id)))


def _is_taken(error: IntegrityError) -> bool:
    """Tell whether the run's id is one that the sender is not shown: another owner's."""
    cause = error.__cause__
    return isinstance(cause, UniqueViolation) and cause.diag.constraint_name == "migration_migrationrun_pkey"


def _carry_out(sender: Sender, order: RunOrder, *, at: datetime) -> MigrationRun:
    """Write all there is to write; whatever an answer has to say against it takes back the rest."""
    use = intake.use_of(order.parcels, runs=1)
    planned, _, held, *stored, spent, shown = ask_all(
        [
            _planning(sender, order, at=at),
            _RAISE.of({"device": sender.device_id, "fence": sender.fence or 0}),
            intake.holding(sender),
            *_storing(sender, order, at=at),
            quotas.spending(use, app_id=sender.app.id, owner_id=sender.owner_id, at=at),
            progress.showing(order.id),
        ]
    )
    if not planned:
        raise NotFound("There is no such owner.")  # it was erased a moment ago
    intake.hold_fence(sender, held)
    _see_stored(order, stored)
    if order.seal and not order.parcels:
        lifecycle.begin_verification_if_loaded(order.id, at=at)
        shown = ask(progress.showing(order.id))
    if order.starts:
        progress.announce(order.id, Message.STAGE)
        dispatch.ring()
    intake.hold_quota(sender, spent, use, at=at)
    return progress.shown(shown)


def _planning(sender: Sender, order: RunOrder, *, at: datetime) -> Question:
    policy = order.options.get("conflictResolution") or sender.app.conflict_policy
    columns = intake.manifest_columns(order.manifest)
    return _PLAN.of(
        {
            "run": order.id,
            "app": sender.app.id,
            "owner": sender.owner_id,
            "device": sender.device_id,
            "purpose": order.purpose,
            "dry_run": order.dry_run,
            "options": json.dumps(order.options),
            "conflict_policy": policy,
            "digest": order.digest,
            "epoch": str(sender.epoch),
            "expires_at": at + timedelta(seconds=setting("RUN_IDLE_SECONDS")),
            "at": at,
            "point": f"Before the run of {at:%Y-%m-%d %H:%M} UTC" if order.becomes_records else "",
            **columns,
            "manifest": json.dumps(columns["manifest"]),
        }
    )


def _storing(sender: Sender, order: RunOrder, *, at: datetime) -> list[Question]:
    """Return the questions that store what came along and start the run; `_see_stored` reads the answers."""
    storing = [intake.storing(sender, order.id, parcel, at) for parcel in order.parcels]
    return [*storing, lifecycle.starting(order.id, seal=order.seal, at=at)] if order.starts else storing


def _see_stored(order: RunOrder, answers: Sequence[Rows]) -> None:
    for parcel, stored in zip(order.parcels, answers, strict=False):
        uploads.outcome_of(stored, run_id=order.id, head=parcel.head)
    if order.starts:
        lifecycle.refuse_unstarted(answers[-1])
