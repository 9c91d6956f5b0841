"""The end of a verification that found everything: statements are signed, runs completed, backups sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration import backups, lifecycle, progress, records
from migration.events import Message
from migration.lifecycle import Completion
from migration.models import MigrationRun
from migration.orchestration import receipts
from migration.values.digests import set_digest, to_wire

_PLACES = ("stored", "conflict", "quarantined")


@dataclass(frozen=True, slots=True)
class Proven:
    """A run whose manifest is held, by where it is held and in all, at a revision of its owner."""

    run: MigrationRun
    places: Mapping[str, records.Tally]
    claimed: records.Tally
    revision: int


def complete(proven: Sequence[Proven], *, at: datetime) -> None:
    """Give these runs their receipts. Runs in the transaction that proved them, which has their rows locked."""
    timeline = lifecycle.timeline()
    completions = [_completion(one, timeline, at=at) for one in proven]
    lifecycle.complete_runs(completions, at=at)
    backups.seal_backups({one.run.id: one.claimed for one in proven}, at=at)
    progress.announce_all([one.run_id for one in completions], Message.COMPLETED)


def _completion(proven: Proven, timeline: str, *, at: datetime) -> Completion:
    statement = _statement(proven, timeline, at=at)
    counts = {place: statement[place]["entries"] for place in (*_PLACES, "withheld")}
    return Completion(proven.run.id, receipts.sign(statement), statement, counts)


def _statement(proven: Proven, timeline: str, *, at: datetime) -> dict[str, Any]:
    run = proven.run
    withheld = run.manifest.get("withheld") or {}
    return {
        "iss": receipts.ISSUER,
        "app": run.app.publishable_key,
        "owner": str(run.owner_id),
        "device": str(run.device.key),
        "run": str(run.id),
        "purpose": "dry_run" if run.dry_run else run.purpose,
        "timeline": timeline,
        "manifest_version": run.manifest_version,
        "manifest_digest": to_wire(bytes(run.manifest_digest)),
        **{place: _stated(proven.places.get(place)) for place in _PLACES},
        "withheld": {"entries": withheld.get("count", 0), "digest": withheld.get("digest", _stated(None)["digest"])},
        "revision": proven.revision,
        "issued_at": at.isoformat().replace("+00:00", "Z"),
    }


def _stated(tally: records.Tally | None) -> dict[str, Any]:
    if tally is None:
        return {"entries": 0, "digest": to_wire(set_digest([]))}
    return {"entries": tally.entries, "digest": to_wire(tally.digest)}
