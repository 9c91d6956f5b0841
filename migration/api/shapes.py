"""How rows look on the wire, where no room below says it already."""

from datetime import datetime
from typing import Any
from uuid import UUID

from migration.api import answers
from migration.backups import Examination
from migration.models import Backup, QuarantineEntry, Rollback, RollbackPoint
from migration.orchestration.quarantine import key_json_of
from migration.orchestration.writing import Outcome
from migration.records import Change, Sides
from migration.rollback import Outcome as Reverted
from migration.rollback import Reason
from migration.values.digests import to_wire


def moment(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def point(row: RollbackPoint) -> dict[str, Any]:
    """Return a rollback point."""
    return {
        "id": str(row.id),
        "name": row.name,
        "revision": row.revision,
        "run": str(row.run_id) if row.run_id else None,
        "created_at": moment(row.created_at),
    }


def rollback(row: Rollback) -> dict[str, Any]:
    """Return a rollback as it stands."""
    return {
        "id": str(row.id),
        "scope": row.scope,
        "state": row.state,
        "run": str(row.run_id) if row.run_id else None,
        "point": str(row.point_id) if row.point_id else None,
        "undoes": str(row.undoes_id) if row.undoes_id else None,
        "collection": row.collection if row.scope == Rollback.Scope.COLLECTION else None,
        "key_json": row.key_json or None,
        "to_revision": row.to_revision,
        "from_revision": row.from_revision,
        "reverted": row.reverted,
        "kept": row.kept,
        "journaled": row.journaled,
        "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at),
    }


def preview(scope: str, reasons: list[Reason], outcome: Reverted) -> dict[str, Any]:
    """Return what a rollback would do, and why it cannot be asked for."""
    return {
        "scope": scope,
        "can_rollback": not reasons,
        "reasons": [{"code": reason.code, "detail": reason.detail} for reason in reasons],
        "reverted": outcome.reverted,
        "deleted": outcome.deleted,
        "journaled": outcome.journaled,
        "kept": [
            {"key_json": kept.key_json, "collection": kept.collection, "revision": kept.revision}
            for kept in outcome.kept
        ],
        "kept_count": outcome.kept_count,
    }


def backup(row: Backup) -> dict[str, Any]:
    """Return a backup; its run is at hand."""
    return {
        "id": str(row.id),
        "run": str(row.run_id),
        "created_at": moment(row.created_at),
        "entries": row.entries,
        "bytes": row.bytes,
        "chunks": row.run.chunks_received,
        "state": row.state,
        "digest": to_wire(bytes(row.digest)) if row.digest else None,
    }


def examination(found: Examination) -> dict[str, Any]:
    """Return what an examination of a backup found."""
    return {
        "ok": found.ok,
        "entries": found.entries,
        "digest": to_wire(found.digest),
        "problems": [
            {"code": one.code, "detail": one.detail, "chunk": str(one.chunk) if one.chunk else None}
            for one in found.problems
        ],
    }


def change(row: Change, *, device_id: UUID | None) -> answers.Change:
    """Return a record's current state as this device is told it."""
    own = device_id is not None and row.device_id == device_id
    return answers.Change(row.line, row.revision, own, row.cause)


def outcome(one: Outcome) -> answers.OpOutcome:
    """Return what became of an op."""
    return answers.OpOutcome(
        one.seq,
        one.outcome,
        one.revision,
        one.line,
        one.reason,
        one.detail,
        one.policy,
        one.conflict,
    )


def quarantined(row: QuarantineEntry) -> dict[str, Any]:
    """Return a refused entry with its reason; the value stays out of lists."""
    return {
        "id": row.id,
        "run": str(row.run_id),
        "key_json": key_json_of(row),
        "collection": row.collection,
        "code": row.code,
        "detail": row.detail,
        "path": row.path,
        "bytes": row.line_bytes,  # type: ignore[attr-defined] # annotated by `listed`
        "state": row.state,
        "created_at": moment(row.created_at),
    }


def conflict(sides: Sides) -> dict[str, Any]:
    """Return a conflict with both of its sides."""
    row = sides.conflict
    return {
        "id": row.id,
        "run": str(row.run_id) if row.run_id else None,
        "key_json": row.key_json,
        "collection": row.collection,
        "policy": row.policy,
        "winner": row.winner,
        "record_revision": row.record_revision,
        "base_revision": row.base_revision,
        "base": sides.base,
        "local": sides.local,
        "remote": sides.remote,
        "who": str(sides.device) if sides.device else None,
        "when": moment(row.created_at),
        "why": row.reason,
        "state": row.state,
        "choice": row.choice or None,
        "decided_at": moment(row.decided_at),
    }
