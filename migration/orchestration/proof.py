"""The short way to receipts: runs whose standing records are exactly what their manifests announce, many at once.

Where the fingerprints of what a run has stored, computed from the bytes, add up to every digest of its manifest, each
entry it announced is held and nothing else has to be asked. Its backup is proved by unsealing each chunk. A run with
conflicts, quarantine or anything amiss goes the long way (`verification`), which finds where each entry is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration import records
from migration.config import fault_point
from migration.extraction import DataExtractor
from migration.models import MigrationRun, Owner
from migration.orchestration.completion import Proven, complete
from migration.states import RunState
from migration.values.digests import to_wire

_MOST_ENTRIES = 100_000
"""A larger run is verified by itself: its fingerprints are better sorted by Postgres."""
_PER_ENTRY = 4
_GRANTED = 1_000
"""An owner with many more records than its run announces is not read through: the long way looks up key by key."""

_SEEN = ("state", "manifest_version", "verify_rounds", "chunks_received")
_NEEDED = (
    *("app__publishable_key", "app__namespace", "device__key", "owner_id", "dry_run", "purpose"),
    *("manifest", "manifest_digest", "entries_total", *_SEEN),
)


def verify_together(run_ids: Sequence[UUID], *, at: datetime) -> set[UUID]:
    """Complete those of these runs that can be proved in one go; return them. Nothing happens to the others."""
    runs = _simple(run_ids)
    if not runs:
        return set()
    with transaction.atomic():
        # The long half comes before the locks: in this state no chunk is added.
        damaged = DataExtractor().damaged_runs([run.id for run in runs])
        proven = _proven([run for run in runs if run.id not in damaged])
        if proven:
            complete(proven, at=at)
        fault_point("verify.before_commit")
    fault_point("verify.after_commit")
    return {one.run.id for one in proven}


def _simple(run_ids: Sequence[UUID]) -> list[MigrationRun]:
    runs = MigrationRun.objects.filter(
        id__in=run_ids,
        state=RunState.VERIFYING,
        purpose=MigrationRun.Purpose.MIGRATE,
        dry_run=False,
        entries_total__lte=_MOST_ENTRIES,
        entries_conflict=0,
        entries_quarantined=0,
        entries_unchanged=0,
    )
    return list(runs.select_related("app", "device").only(*_NEEDED))


def _proven(runs: Sequence[MigrationRun]) -> list[Proven]:
    """Lock owners, then runs, each in the order of their ids, and compare what is stored with what was announced."""
    owners = Owner.objects.select_for_update(no_key=True).filter(id__in={run.owner_id for run in runs}).order_by("id")
    revisions = dict(owners.values_list("id", "revision"))
    now = MigrationRun.objects.select_for_update(no_key=True).filter(id__in=[run.id for run in runs]).order_by("id")
    standing = {row[0]: row[1:] for row in now.values_list("id", *_SEEN)}
    asked = [
        run
        for run in runs
        if standing.get(run.id) == tuple(getattr(run, name) for name in _SEEN)
        and revisions[run.owner_id] <= _PER_ENTRY * run.entries_total + _GRANTED
    ]
    if not asked:
        return []
    found = records.written_by([records.Writer(run.id, run.owner_id, run.app.namespace) for run in asked])
    return [
        Proven(run, {"stored": found[run.id].total}, found[run.id].total, revisions[run.owner_id])
        for run in asked
        if _is_announced(run, found[run.id].buckets)
    ]


def _is_announced(run: MigrationRun, found: Mapping[str, Mapping[str, bytes]]) -> bool:
    announced = {one["name"]: one["buckets"] for one in run.manifest["collections"] if one.get("buckets")}
    stored = {name: {bucket: to_wire(digest) for bucket, digest in found[name].items()} for name in found}
    return announced == stored
