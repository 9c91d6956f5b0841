"""Can a migration begin, and could it be taken back? One check for each thing that has to be so, with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from migration import dispatch, lifecycle
from migration.config import encryption_keys, setting
from migration.cutover import requests_of
from migration.errors import BackupUnreadable
from migration.extraction import open_payload
from migration.models import App, Chunk, MigrationRun, Owner
from migration.reports import vitals
from migration.reports.allowances import tightest
from migration.reports.moments import moment
from migration.reports.rehearsal import rehearsals
from migration.states import Stage
from migration.states.run import AT_WORK
from migration.values.envelopes import seal, unseal
from migration.walls import role_may_be_taken

ISSUE, WARNING, OK = "issue", "warning", "ok"

QUEUE_SECONDS = 60
"""A chunk that waits longer says that there are too few workers."""
NEARLY = 0.9
"""Share of a quota from which on it is nearly used up."""
SWEEP_SECONDS = 180
SKEW_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `severity` is what its failing means, issue or warning; `detail` says what was found."""

    code: str
    severity: str
    passed: bool
    detail: str

    def told(self) -> dict[str, Any]:
        """Return the check as plain JSON types; one that passed has the severity ok."""
        severity = OK if self.passed else self.severity
        return {"code": self.code, "severity": severity, "passed": self.passed, "detail": self.detail}


def readiness(*, app: App, own: Sequence[Check] = (), at: datetime) -> dict[str, Any]:
    """Return whether an app is ready: whether no check of weight fails. `own` are checks of an owner made before."""
    checks = [*app_checks(app, at=at), *own, *server_checks(at=at)]
    return {
        "ready": all(check.passed for check in checks if check.severity == ISSUE),
        "checked_at": moment(at),
        "checks": [check.told() for check in checks],
    }


def system_readiness(*, apps: Sequence[App], at: datetime) -> dict[str, Any]:
    """Return whether the server and each of `apps` are ready, for whoever runs them; each check names its app."""
    checks: list[tuple[str, Check]] = [("", check) for check in server_checks(at=at)]
    for app in apps:
        backups = backup_check(MigrationRun.objects.filter(app=app))
        checks += [(app.slug, check) for check in (*app_checks(app, at=at), backups)]
    return {
        "ready": all(check.passed for _, check in checks if check.severity == ISSUE),
        "checked_at": moment(at),
        "checks": [{"app": app, **check.told()} for app, check in checks],
    }


def app_checks(app: App, *, at: datetime) -> list[Check]:
    """Check what an app's settings allow, and that a rollback in it works."""
    rehearsal = rehearsals.of(app_id=app.id, at=at)
    origins = len(app.allowed_origins)
    return [
        Check(
            "app_active", ISSUE, app.is_active, "The app is active." if app.is_active else "The app is switched off."
        ),
        _stage_check(app),
        Check("origins", WARNING, bool(origins), f"{origins} origins may call the API."),
        Check("limits", WARNING, True, _limits(app)),
        Check("rollback_works", ISSUE, rehearsal.passed, rehearsal.detail),
    ]


def _stage_check(app: App) -> Check:
    """Warn of what is not sent because it is off."""
    asked = requests_of(app)
    off = [name for name, one in asked.own.items() if one.stage == Stage.OFF]
    detail = f"The app's stage is {asked.rest.stage.value}." + (f" Off: {', '.join(off)}." if off else "")
    return Check("stage", WARNING, asked.rest.stage != Stage.OFF and not off, detail)


def own_checks(*, app: App, owner_id: UUID, device_id: UUID | None, at: datetime) -> list[Check]:
    """Check what concerns one owner and device. Reads only this owner's rows."""
    kind = Owner.objects.filter(id=owner_id).values_list("kind", flat=True).first()
    welcome = app.guests_allowed or kind != Owner.Kind.GUEST
    runs = MigrationRun.objects.filter(owner_id=owner_id)
    under_way = runs.filter(device_id=device_id).filter(state__in=AT_WORK).count() if device_id else 0
    return [
        Check("guests_allowed", ISSUE, welcome, "The owner may migrate." if welcome else "The app takes no guests."),
        Check("no_other_run", WARNING, not under_way, f"{under_way} runs of this device have not ended."),
        *_quota(app, owner_id, str(kind), at=at),
        backup_check(runs),
    ]


def _quota(app: App, owner_id: UUID, kind: str, *, at: datetime) -> list[Check]:
    """Check what is left of quotas: nearly used up is a warning, used up an issue."""
    nearest = tightest(app_id=app.id, owner_id=owner_id, kind=kind, limits=app.limits, at=at)
    if nearest is None:
        return []
    said = f"{nearest.used} of {nearest.most} ({nearest.limit}) are used."
    severity = ISSUE if nearest.share >= 1 else WARNING
    return [Check("quota", severity, nearest.share < NEARLY, said)]


def backup_check(runs: "QuerySet[MigrationRun]") -> Check:
    """Open a chunk of the newest of these runs that has one, as proof that backups can be read."""
    newest = runs.filter(chunks_received__gt=0).order_by("-created_at").values_list("id", flat=True).first()
    chunk = Chunk.objects.filter(run_id=newest).order_by("id").first() if newest else None
    if chunk is None:
        return Check("backups_readable", ISSUE, True, "There is no backup yet.")
    try:
        open_payload(chunk)
    except BackupUnreadable as error:
        return Check("backups_readable", ISSUE, False, error.detail)
    return Check("backups_readable", ISSUE, True, "The newest backup opens.")


def server_checks(*, at: datetime) -> list[Check]:
    """Check what every app needs: schema, keys, workers, Redis, clocks, walls."""
    workers, waiting, swept = lifecycle.count_workers(), vitals.queue(at=at), vitals.sweep_age_seconds(at=at)
    migrated, skew, latency = vitals.is_migrated(), vitals.clock_skew_seconds(), vitals.database_milliseconds()
    redis, walled = dispatch.redis_answers(), role_may_be_taken()
    return [
        Check("schema", ISSUE, migrated, "All migrations are applied." if migrated else "Migrations are missing."),
        _keys(),
        _indexes(),
        Check("database", WARNING, (latency or 0) < 1000, f"Postgres answers in {latency} ms."),
        Check("workers", ISSUE, workers > 0, f"{workers} workers are connected."),
        Check(
            "queue",
            WARNING,
            waiting.age_seconds < QUEUE_SECONDS,
            f"{waiting.depth} chunks wait, the oldest for {waiting.age_seconds:.0f} s.",
        ),
        Check("sweeper", WARNING, swept is not None and swept < SWEEP_SECONDS, _swept(swept)),
        Check("redis", WARNING, redis, "Redis answers." if redis else "Redis does not answer: progress comes late."),
        Check("clock", WARNING, abs(skew) < SKEW_SECONDS, f"The clocks of server and database differ by {skew:.1f} s."),
        Check("row_security", WARNING, walled, "Owners' requests have a database role of their own." if walled
              else "Owners' requests have no database role of their own."),
    ]  # fmt: skip


def _indexes() -> Check:
    missing = vitals.missing_indexes()
    said = f"Missing or unusable, `REINDEX` or migrate again: {', '.join(missing)}." if missing else "All are there."
    return Check("indexes", WARNING, not missing, said)


def _keys() -> Check:
    try:
        keys = encryption_keys()
        works = unseal(seal(b"rehearsal", bound_to="rehearsal", keys=keys), bound_to="rehearsal", keys=keys)
    except (BackupUnreadable, ValueError) as error:
        return Check("encryption_keys", ISSUE, False, f"The encryption keys cannot be used: {type(error).__name__}.")
    return Check("encryption_keys", ISSUE, works == b"rehearsal", f"{len(keys)} encryption keys wrap and unwrap.")


def _swept(age: float | None) -> str:
    return "Nothing was ever swept." if age is None else f"The last sweep was {age:.0f} s ago."


def _limits(app: App) -> str:
    entry = min(app.max_entry_bytes, int(setting("ENTRY_BYTES")))
    chunk = f"a chunk {setting('CHUNK_BYTES')} bytes and {setting('CHUNK_ENTRIES')} entries"
    return f"An entry may have {entry} bytes, {chunk}."
