"""Claimed chunks → parts of a batch: open, read, judge, map. Each step belongs to a room that knows no other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F

from migration.config import fault_point, faults_armed, setting
from migration.detection import AutoDetector, SchemaSampler
from migration.extraction import DataExtractor
from migration.lifecycle import ClaimedChunk
from migration.loading import POISON, Part, Refused, RunTerms
from migration.mapping import DataMapper
from migration.models import MigrationRun
from migration.orchestration.knowledge import UNKNOWN, Knowledge, knowledge_of
from migration.orchestration.ties import Ties, ties_of
from migration.validation import ValidationService
from migration.values.collections import Labeller, compile_labels
from migration.values.digests import fingerprint, key_hash
from migration.values.epochs import Epoch
from migration.values.forms import LITERAL
from migration.values.lines import Line, Lines, literal
from migration.values.refusals import Refusal
from migration.values.rows import Row

_COLUMNS = (
    *("id", "app_id", "owner_id", "device_id", "epoch", "conflict_policy", "purpose", "dry_run", "manifest", "options"),
)
_APP_COLUMNS = {
    "namespace": F("app__namespace"),
    "app_collections": F("app__collections"),
    "max_entry_bytes": F("app__max_entry_bytes"),
    "app_epoch": F("app__epoch"),
    "owner_off": F("owner__switched_off"),
}


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How one run's entries are read: its terms, its labels, its rules. Made once for a batch."""

    terms: RunTerms
    label: Labeller
    rules: ValidationService
    only_backed_up: bool
    stops_on_refusal: bool
    settled: frozenset[str] | None
    """Collections of which enough was sampled; None when that is true of all."""


def plans_for(run_ids: Iterable[UUID]) -> dict[UUID, RunPlan]:
    """Read how each of these runs is to be loaded."""
    rows = list(MigrationRun.objects.filter(id__in=list(run_ids)).values(*_COLUMNS, **_APP_COLUMNS))
    known = knowledge_of({row["app_id"] for row in rows})
    # After the epochs: should a stage change in between, the batch finds an epoch that has risen and puts the run back.
    ties = ties_of(rows)
    return {row["id"]: _plan(row, known.get(row["app_id"], UNKNOWN), ties.get(row["id"], {})) for row in rows}


def _plan(row: dict[str, Any], known: Knowledge, ties: Ties) -> RunPlan:
    backup = row["purpose"] == MigrationRun.Purpose.BACKUP
    declared = row["app_collections"]
    names = {one["name"] for one in row["manifest"]["collections"]}
    terms = RunTerms(
        run_id=row["id"],
        device_id=row["device_id"],
        namespace=row["namespace"],
        epoch=str(Epoch(row["app_epoch"], Epoch.parse(row["epoch"]).owner)),
        policy=row["conflict_policy"],
        collection_policies={one["name"]: one["conflict_policy"] for one in declared if one.get("conflict_policy")},
        writes=not (backup or row["dry_run"]),
        ties=ties,
    )
    return RunPlan(
        terms=terms,
        label=compile_labels([(one["name"], one["patterns"]) for one in row["manifest"]["collections"]]),
        rules=ValidationService.for_app(
            max_entry_bytes=row["max_entry_bytes"], collections=declared, pinned=known.pinned
        ),
        only_backed_up=backup,
        stops_on_refusal=row["options"].get("continueOnError") is False,
        settled=None if names <= known.settled else known.settled,
    )


def prepare(claim: ClaimedChunk, plan: RunPlan, *, extractor: DataExtractor) -> Part:
    """Read a claimed chunk, or the span of it that is to be tried. Raises BackupUnreadable."""
    lines = extractor.chunk_lines(claim)
    first = claim.next_ordinal
    last = len(lines) if claim.span is None else min(len(lines), first + claim.span)
    span = lines[first:last]
    part = Part(claim, plan.terms, [], [], first, last, sum(map(len, span.raws)))
    if is_poison(claim):
        part.refused = [_poison(first, span[0])]
    elif not plan.only_backed_up:
        _fill(part, span, plan)
    return part


def is_poison(claim: ClaimedChunk) -> bool:
    """Tell whether the one entry left in the span has taken its worker down often enough."""
    return claim.span == 1 and claim.attempts > setting("POISON_ATTEMPTS")


def _fill(part: Part, span: Lines, plan: RunPlan) -> None:
    if faults_armed():
        for raw in span.raws:
            fault_point("load.entry", about=raw)
    mapper = DataMapper(label=plan.label.label)
    part.types = AutoDetector().sample(span, label=plan.label.label)
    refusals = plan.rules.judge_all(span, label=plan.label.label, first=part.first)
    part.rows = mapper.rows(span, first=part.first, skip=frozenset(refusal.ordinal for refusal in refusals))
    part.refused = [_refused(refusal, span[refusal.ordinal - part.first], mapper) for refusal in refusals]
    if plan.terms.writes:
        part.samples = _samples(part, span, plan)


def _samples(part: Part, span: Lines, plan: RunPlan) -> dict[str, list[dict[str, Any]]]:
    sampled = SchemaSampler().sample(span, label=plan.label.label, known=plan.settled, turn=part.claim.id)
    refused = {one.row.ordinal for one in part.refused}
    found: dict[str, list[dict[str, Any]]] = {}
    for one in sampled:
        key = key_hash(literal(span[one.ordinal].key)).hex()
        entry = {"key": key, "shape": one.shape, "refused": part.first + one.ordinal in refused}
        found.setdefault(one.collection, []).append(entry)
    return found


def _refused(refusal: Refusal, line: Line, mapper: DataMapper) -> Refused:
    row = mapper.rows(Lines.of([line]), first=refusal.ordinal)[0]
    return Refused(row, line.raw, refusal.code, refusal.detail, refusal.path)


def _poison(ordinal: int, line: Line) -> Refused:
    """Refuse an entry without labelling or judging it: one of those may be what kills."""
    key_json = literal(line.key)
    row = Row(ordinal, key_hash(key_json), key_json, "default", None, LITERAL, False, fingerprint(line.raw))
    return Refused(row, line.raw, POISON, "Workers died or failed on this entry; it was set aside unread.")
