"""What a worker does when the bell rings: load, verify, roll back, until nothing waits."""

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from structlog.contextvars import bound_contextvars

from migration import lifecycle, progress
from migration.config import fault_point, setting
from migration.errors import BackupUnreadable, LeaseLost, Refused
from migration.events import Message
from migration.extraction import DataExtractor
from migration.lifecycle import ClaimedChunk
from migration.loading import LoadEngine, LoadReport, Part, cpu_share
from migration.models import MigrationRun, Rollback
from migration.orchestration.due import what_is_due
from migration.orchestration.erasing import due_erasures, erase
from migration.orchestration.pipeline import RunPlan, plans_for, prepare
from migration.orchestration.proof import verify_together
from migration.orchestration.replaying import due_replays, execute_replay
from migration.orchestration.reverting import execute_rollback
from migration.orchestration.rolling_back_apps import roll_back_some_owners
from migration.orchestration.verification import give_up, verify_run
from migration.states import RunState

Clock = Callable[[], datetime]
log = structlog.get_logger(__name__)

_AT_ONCE = 32
"""Runs verified or rolled back between two looks at the chunks."""
_ENTRIES_AT_ONCE = 2_500
"""Entries of runs verified together: what is more is left for the other workers."""
_INSUFFICIENT_RESOURCES = "53"
"""The class of SQLSTATEs that say Postgres has no room, memory or connection left: no run is to blame for that."""
_company = lifecycle.Company()


class Done(IntEnum):
    """What a round came to: nothing to do, some of it, or as much as a batch takes."""

    NOTHING = 0
    SOME = 1
    PLENTY = 2


def work_until_done(*, holder: int, clock: Clock, gather: Callable[[], None] = lambda: None) -> None:
    """Do rounds of work until one finds nothing to do.

    `gather` is called between rounds that could have taken more: a batch costs about the same whatever its size, so
    it pays to let some uploads arrive.
    """
    while done := work_once(holder=holder, clock=clock):
        if done is Done.SOME:
            gather()


def work_once(*, holder: int, clock: Clock) -> Done:
    """Answer wishes, load a batch, verify, roll back, replay and erase what is due; say whether there was any work."""
    due, rests = what_is_due(), _company.rests(clock())
    answered = due.cancellations and _answer_cancellations(clock=clock)
    loaded = _load_batch(holder=holder, rests=rests, clock=clock)
    verified = _verify_due(rests=rests, clock=clock)
    _rest_if_short(at=clock())
    reverted = due.rollbacks and _each_due(_due_rollbacks(), lambda one: execute_rollback(one, at=clock()))
    wayback = due.app_rollbacks and roll_back_some_owners(holder=holder, clock=clock)
    replayed = due.replays and _each_due(due_replays(_AT_ONCE), lambda one: execute_replay(one, at=clock()))
    erased = due.erasures and _each_due(due_erasures(), lambda one: erase(one, clock=clock))
    # What it has left alone, it must come back for.
    return loaded or Done(answered or verified or reverted or wayback or replayed or erased or rests)


def _rest_if_short(*, at: datetime) -> None:
    """Where processors are short, an app that brings a lot must not take those that bring little their turn."""
    if _company.deserves_rest(at) and cpu_share() > setting("LOAD_CPU_SHARE"):
        _company.rest(at)


def _load_batch(*, holder: int, rests: bool, clock: Clock) -> Done:
    most_chunks, most_entries = int(setting("BATCH_CHUNKS")), int(setting("BATCH_ENTRIES"))
    at = clock()
    most_entries = _company.most(most_entries, at=at)
    claims = lifecycle.claim_chunks(
        holder=holder,
        at=at,
        lease_seconds=setting("LEASE_SECONDS"),
        max_chunks=most_chunks,
        max_entries=most_entries,
        about=_company.about(at),
        rests=rests,
    )
    _company.saw(((claim.app_id, claim.entries) for claim in claims), at=at)
    if not claims:
        return Done.NOTHING
    fault_point("claim.after_commit")
    with bound_contextvars(runs=sorted({str(claim.run_id) for claim in claims})):
        _load_claimed(claims, at=clock())
    is_full = len(claims) >= most_chunks or sum(claim.entries for claim in claims) >= most_entries
    return Done.PLENTY if is_full else Done.SOME


def _load_claimed(claims: list[ClaimedChunk], *, at: datetime) -> None:
    try:
        _tell(_load(claims, at=at))
    except LeaseLost:
        # Of one claim or run; what else the batch held waits for nobody.
        log.warning("lease_lost", chunks=[claim.id for claim in claims])
        lifecycle.release_chunks(claims, forgive=True)
    except OperationalError as error:
        _give_back_if_connected(claims, error)
    except InterfaceError:
        raise  # no connection, so nothing to give back with
    except Exception as error:  # noqa: BLE001 - whatever one entry can do to us
        # The chunks come back alone and are narrowed down to it. Left claimed by a worker that lives, they would
        # wait for the end of their lease.
        # No traceback: its message may quote a value.
        log.error("batch_failed", error=type(error).__name__, chunks=[claim.id for claim in claims])  # noqa: TRY400
        lifecycle.release_chunks(claims)


def _load(claims: list[ClaimedChunk], *, at: datetime) -> LoadReport:
    plans = plans_for({claim.run_id for claim in claims})
    parts = _prepare_all(claims, plans, at=at)
    report = LoadEngine(setting("LOAD_STRATEGY")).load(parts, at=at) if parts else LoadReport()
    log.info("batch_loaded", entries=sum(len(part.rows) for part in parts), how=report.strategy, why=report.reason)
    _stop_on_refusal(parts, plans, at=at)
    return report


def _prepare_all(claims: list[ClaimedChunk], plans: dict[UUID, RunPlan], *, at: datetime) -> list[Part]:
    extractor, parts = DataExtractor(), []
    for claim in claims:
        try:
            parts.append(prepare(claim, plans[claim.run_id], extractor=extractor))
        except BackupUnreadable as error:
            _fail(claim.run_id, error.code, error.detail, at=at)
    return parts


def _stop_on_refusal(parts: list[Part], plans: dict[UUID, RunPlan], *, at: datetime) -> None:
    """Tell of refused entries; a run that does not want to go on after one fails."""
    for part in parts:
        for refused in part.refused[:3]:
            progress.record_error(part.terms.run_id, refused.code, refused.detail, at=at)
        if part.refused and plans[part.terms.run_id].stops_on_refusal:
            _fail(part.terms.run_id, "entry_refused", "An entry was refused and continueOnError is off.", at=at)


def _fail(run_id: UUID, code: str, detail: str, *, at: datetime) -> None:
    try:
        with transaction.atomic():
            lifecycle.move_run(run_id, RunState.FAILED, why=detail, at=at, failure_code=code)
            progress.record_error(run_id, code, detail, at=at)
    except Refused:
        log.info("run_already_elsewhere", run=str(run_id), code=code)
        return
    progress.announce(run_id, Message.FAILED)


def _tell(report: LoadReport) -> None:
    progress.announce_all(report.finished_runs, Message.STAGE)
    progress.announce_all(
        [run_id for run_id in report.outcomes if run_id not in report.finished_runs], Message.PROGRESS
    )


def _give_back_if_connected(claims: list[ClaimedChunk], error: OperationalError) -> None:
    """A deadlock or time-out was nobody's fault; without a connection the sweeper gives the chunks back."""
    log.warning("batch_interrupted", error=type(error).__name__)
    try:
        lifecycle.release_chunks(claims, forgive=True)
    except (OperationalError, InterfaceError):
        connection.close()
        raise


def _answer_cancellations(*, clock: Clock) -> bool:
    wished = MigrationRun.objects.filter(
        cancel_wished=True, state__in=[RunState.PLANNED, RunState.TRANSFERRING]
    ).values_list("id", flat=True)[:_AT_ONCE]
    for run_id in wished:
        try:
            lifecycle.move_run(run_id, RunState.CANCELLED, why="cancel", at=clock())
        except Refused:
            continue  # it moved on in the meantime
        progress.announce(run_id, Message.STAGE)
    return bool(wished)


def _verify_due(*, rests: bool, clock: Clock) -> bool:
    """Verify what waits for it: together what can be, the rest one by one; return whether there was any."""
    at = clock()
    most_entries = _company.most(_ENTRIES_AT_ONCE, at=at)
    claimed = lifecycle.claim_verifications(most=_AT_ONCE, most_entries=most_entries, at=at, rests=rests)
    lacks_room = False
    try:
        together = _verified_together([run_id for run_id, attempts in claimed.items() if attempts == 1], clock=clock)
        rest = [(run_id, attempts) for run_id, attempts in claimed.items() if attempts and run_id not in together]
        alone = [_verified_alone(run_id, attempts, clock=clock) for run_id, attempts in rest]
    except OperationalError as error:
        lacks_room = str(getattr(error.__cause__, "sqlstate", None)).startswith(_INSUFFICIENT_RESOURCES)
        raise
    finally:
        lifecycle.give_verifications_back(list(claimed), forgive=lacks_room)
    return bool(together) or any(alone)


def _verified_alone(run_id: UUID, attempts: int, *, clock: Clock) -> bool:
    """Verify a run, or give up one that was begun so often that it must be what ends its workers."""
    do = verify_run if attempts <= setting("VERIFY_ATTEMPTS") else give_up
    return _did(lambda one: do(one, at=clock()), run_id)


def _verified_together(run_ids: list[UUID], *, clock: Clock) -> set[UUID]:
    """What fails in company is tried alone, so that it is known which run it was."""
    if not run_ids:
        return set()
    try:
        return verify_together(run_ids, at=clock())
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - said above
        log.error("verified_alone", error=type(error).__name__, runs=len(run_ids))  # noqa: TRY400 - may quote a value
        return set()


def _due_rollbacks() -> list[UUID]:
    due = Rollback.objects.filter(state=Rollback.State.REQUESTED, app_rollback=None)
    return list(due.order_by("created_at").values_list("id", flat=True)[:_AT_ONCE])


def _each_due(ids: list[UUID], do: Callable[[UUID], object]) -> bool:
    """Do each in turn, unless another worker is at it: the lock goes with this session, whatever happens."""
    done = False
    for one in ids:
        if _try_lock(one):
            try:
                done = _did(do, one) or done
            finally:
                _unlock(one)
    return done


def _did(do: Callable[[UUID], object], one: UUID) -> bool:
    """Do one; a failure of its own must not keep the others from being done. The sweeper brings it up again."""
    try:
        do(one)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - said above
        log.error("due_failed", error=type(error).__name__, id=str(one))  # noqa: TRY400 - as above
        return False
    return True


def _try_lock(one: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_lock_key(one)])
        return bool(cursor.fetchone()[0])


def _unlock(one: UUID) -> None:
    if connection.connection is not None and not connection.connection.closed:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_lock_key(one)])


def _lock_key(one: UUID) -> int:
    return int.from_bytes(one.bytes[:8], "big", signed=True)
