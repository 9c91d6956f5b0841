"""Verification: is all that a run's manifest names stored? Only then is there a receipt.

The claimed set is read from the chunks as received, which proves the backup readable; the server's side is
computed from stored bytes. One transaction: killed anywhere, nothing has happened.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from migration import backups, lifecycle, progress, records
from migration.config import fault_point, setting
from migration.errors import BackupUnreadable
from migration.events import Happening, Message
from migration.extraction import DataExtractor
from migration.models import Chunk, MigrationRun, Owner
from migration.orchestration.completion import Proven, complete
from migration.orchestration.rolling_back import roll_back_failed_run
from migration.states import ChunkState, RunState, UploadState
from migration.validation import compare_with_manifest, differing_buckets
from migration.values.collections import compile_labels
from migration.values.digests import to_wire


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification came to: completed, repair, failed, or moved_on (the run was elsewhere by then)."""

    outcome: str
    mismatch: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unreadable: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Ranks:
    """Names of collections and how a key finds its place among them; one name has one place."""

    names: tuple[str, ...]
    of: Callable[[str], int]

    @classmethod
    def listed(cls, collections: Iterable[Mapping[str, Any]]) -> "Ranks":
        """Build from a manifest's (or a request's) list of collections; `default` comes last if not in it."""
        labels = compile_labels([(one["name"], one["patterns"]) for one in collections])
        first = [labels.names.index(name) for name in labels.names]
        if first == list(range(len(first))):
            return cls(labels.names, labels.rank)
        return cls(labels.names, lambda key: first[labels.rank(key)])


def verify_run(run_id: UUID, *, at: datetime) -> Verdict:
    """Verify a run: complete it with a receipt, send it back for repair, or fail it when its rounds are used up."""
    with transaction.atomic():
        verdict = _verify(run_id, at=at)
        fault_point("verify.before_commit")
    fault_point("verify.after_commit")
    return verdict


def give_up(run_id: UUID, *, at: datetime) -> None:
    """Fail a run whose verification ended its worker again and again; resuming it gives it its attempts anew."""
    code = "verification_interrupted"
    detail = "Its verification was begun several times and never came to an end."
    with transaction.atomic():
        lifecycle.move_upload(run_id, UploadState.OPEN, sealed_at=None)
        lifecycle.move_run(run_id, RunState.FAILED, why=detail, at=at, failure_code=code, verify_attempts=0)
        progress.record_error(run_id, code, detail, at=at)
        progress.announce(run_id, Message.FAILED)


def missing(run: MigrationRun, collections: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[list[str]]]]:
    """Return {collection: {bucket: [[key literal, fingerprint]]}} of what we hold where `collections` differs.

    `collections` are {name, patterns, buckets: {bucket: digest}}. What a chunk of this run brought counts whether
    loaded or not, except what the last verification found nowhere: that has to be sent again.
    """
    ranks = Ranks.listed(collections)
    scope = scope_of(run, as_received=run.mismatch is None or not becomes_records(run))
    with transaction.atomic():
        backups.stage_claims(readable_chunks(run.id, []), rank=ranks.of, keep=backups.Keep.KEYS)
        waiting = list(
            Chunk.objects.filter(run_id=run.id).exclude(state=ChunkState.LOADED).values_list("id", flat=True)
        )
        ours: dict[str, dict[str, str]] = {}
        for (rank, bucket), digest in records.held_digests(latest=backups.LATEST, scope=scope, waiting=waiting).items():
            ours.setdefault(ranks.names[rank], {})[bucket] = to_wire(digest)
        differing = differing_buckets(ours, {one["name"]: one["buckets"] for one in collections})
        wanted = [(ranks.names.index(name), bucket) for name, buckets in differing.items() for bucket in buckets]
        held = records.held_keys(latest=backups.LATEST, scope=scope, waiting=waiting, buckets=wanted)
    answer: dict[str, dict[str, list[list[str]]]] = {
        name: {bucket: [] for bucket in buckets} for name, buckets in differing.items()
    }
    for rank, bucket, key_json, fingerprint in held:
        answer[ranks.names[rank]][bucket].append([key_json, to_wire(fingerprint)])
    return answer


def _verify(run_id: UUID, *, at: datetime) -> Verdict:
    run = MigrationRun.objects.select_related("app", "device").filter(id=run_id, state=RunState.VERIFYING).first()
    if run is None:
        return Verdict("moved_on")
    ranks = Ranks.listed(run.manifest["collections"])
    unreadable: list[UUID] = []
    # The long half comes before the locks: in this state no chunk is added.
    backups.stage_claims(readable_chunks(run_id, unreadable), rank=ranks.of)
    revision = Owner.objects.select_for_update(no_key=True).values_list("revision", flat=True).get(id=run.owner_id)
    if not _still_stands(run):
        return Verdict("moved_on")
    holding = records.find_held(latest=backups.LATEST, scope=scope_of(run, as_received=not becomes_records(run)))
    mismatch = _mismatch(run.manifest, ranks.names, holding)
    if mismatch:
        return _send_back(run, mismatch, unreadable, at=at)
    complete([Proven(run, holding.places, holding.claimed, revision)], at=at)
    return Verdict("completed", unreadable=unreadable)


def readable_chunks(run_id: UUID, unreadable: list[UUID]) -> Iterator[tuple[Chunk, list[bytes]]]:
    """Yield a run's chunks with their lines; note those that do not open. What they alone held will be missing."""
    extractor = DataExtractor()
    for chunk in extractor.run_chunks(run_id):
        try:
            yield chunk, extractor.raw_lines(chunk)
        except BackupUnreadable:
            unreadable.append(chunk.key)


def _still_stands(seen: MigrationRun) -> bool:
    """Lock the run and tell whether it is where it was when its claims were read."""
    columns = ("state", "manifest_version", "verify_rounds", "chunks_received")
    now = MigrationRun.objects.select_for_update(no_key=True).filter(id=seen.id).values_list(*columns).first()
    return now == tuple(getattr(seen, column) for column in columns)


def becomes_records(run: MigrationRun) -> bool:
    """Tell whether what a run brings is meant to become records."""
    return run.purpose == MigrationRun.Purpose.MIGRATE and not run.dry_run


def scope_of(run: MigrationRun, *, as_received: bool) -> records.Scope:
    """Return where a run's claims are looked up; its app is at hand."""
    return records.Scope(run.owner_id, run.app.namespace, run.id, as_received)


def _mismatch(manifest: Mapping[str, Any], names: Sequence[str], holding: records.Holding) -> dict[str, list[str]]:
    """Return the buckets in which what came is not what was announced, or is held nowhere."""
    claimed: dict[str, dict[str, str]] = {}
    found: dict[str, set[str]] = {}
    for (rank, bucket), tally in holding.buckets.items():
        claimed.setdefault(names[rank], {})[bucket] = to_wire(tally.digest)
        if tally.missing:
            found.setdefault(names[rank], set()).add(bucket)
    for name, buckets in compare_with_manifest(manifest, claimed).items():
        found.setdefault(name, set()).update(buckets)
    return {name: sorted(buckets) for name, buckets in sorted(found.items())}


def _send_back(run: MigrationRun, mismatch: dict[str, list[str]], unreadable: list[UUID], *, at: datetime) -> Verdict:
    """Open the upload again for repair; fail the run when its rounds are used up or it asked for no repair."""
    rounds, wish = run.verify_rounds + 1, run.options.get("onValidationFailure", "repair")
    # Counted modulo: a run that was resumed after it failed has its rounds anew.
    gives_up = wish != "repair" or rounds % int(setting("VERIFY_ROUNDS")) == 0
    state, why = (RunState.FAILED, "rounds used up") if gives_up else (RunState.TRANSFERRING, "repair")
    columns: dict[str, Any] = {"mismatch": mismatch, "verify_rounds": rounds}
    if gives_up:
        columns["failure_code"] = "verification_failed"
    damaged = records.restate_fingerprints(scope=scope_of(run, as_received=False))
    lifecycle.move_upload(run.id, UploadState.OPEN, sealed_at=None)
    lifecycle.move_run(run.id, state, why=why, at=at, **columns)
    data = {"mismatch": mismatch, "unreadable": [str(key) for key in unreadable], "damaged": damaged, "round": rounds}
    lifecycle.note(run.id, Happening.VERIFIED, data, at=at)
    buckets = sum(map(len, mismatch.values()))
    code = "verification_failed" if gives_up else "verification_mismatch"
    progress.record_error(run.id, code, f"{buckets} buckets do not agree with the manifest.", at=at)
    progress.announce(run.id, Message.FAILED if gives_up else Message.STAGE)
    if gives_up and wish == "rollback":
        roll_back_failed_run(run, at=at)
    return Verdict("failed" if gives_up else "repair", mismatch, unreadable)
