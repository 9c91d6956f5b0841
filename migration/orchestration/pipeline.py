"""Claimed chunks → parts of a batch: open, read, judge, map. Each step belongs to a room that knows no other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from migration.asking import ask_all
from migration.config import fault_point, faults_armed, setting
from migration.detection import AutoDetector, SchemaSampler, Thinned
from migration.extraction import DataExtractor
from migration.lifecycle import ClaimedChunk
from migration.loading import POISON, Part, Refused, RunTerms
from migration.mapping import DataMapper
from migration.models import MigrationRun
from migration.orchestration.knowledge import UNKNOWN, Knowledge, asking_knowledge, known
from migration.orchestration.ties import Ties, asking_ties, ties_of
from migration.validation import ValidationService
from migration.values.collections import Labeller, compile_labels
from migration.values.digests import fingerprint, key_hash
from migration.values.epochs import Epoch
from migration.values.forms import LITERAL
from migration.values.lines import Line, Lines, literal
from migration.values.questions import Statement
from migration.values.refusals import Refusal
from migration.values.rows import Row

# Of the manifest only what names keys: it holds the digests of all buckets besides.
_RUNS = Statement("""
SELECT r.id, r.app_id, r.owner_id, r.device_id, r.epoch, r.conflict_policy, r.purpose, r.dry_run, r.options,
    a.namespace, a.collections, a.max_entry_bytes, a.epoch, o.switched_off,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(c.one -> 'name', c.one -> 'patterns') ORDER BY c.place), '[]')
     FROM jsonb_array_elements(r.manifest -> 'collections') WITH ORDINALITY AS c(one, place))
FROM migration_migrationrun r JOIN migration_app a ON a.id = r.app_id JOIN migration_owner o ON o.id = r.owner_id
WHERE r.id = ANY(%s::uuid[])
""")


class _Run(NamedTuple):
    id: UUID
    app_id: UUID
    owner_id: UUID
    device_id: UUID
    epoch: str
    policy: str
    purpose: str
    dry_run: bool
    options: dict[str, Any]
    namespace: str
    declared: list[dict[str, Any]]
    """The app's collections."""
    max_entry_bytes: int
    app_epoch: int
    owner_off: bool
    named: list[tuple[str, list[str]]]
    """The manifest's collections: name and patterns."""


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
    ids = list(run_ids)
    # After the epochs: should a stage change in between, the batch finds an epoch that has risen and puts the run back.
    found, about, reading = ask_all([_RUNS.of([ids]), asking_knowledge(ids), asking_ties(ids)])
    runs = [_Run(*row) for row in found]
    knowledge, ties = known(about), ties_of(runs, reading)
    return {run.id: _plan(run, knowledge.get(run.app_id, UNKNOWN), ties.get(run.id, {})) for run in runs}


def _plan(run: _Run, knowledge: Knowledge, ties: Ties) -> RunPlan:
    backup = run.purpose == MigrationRun.Purpose.BACKUP
    policies = {one["name"]: one["conflict_policy"] for one in run.declared if one.get("conflict_policy")}
    terms = RunTerms(
        run_id=run.id,
        device_id=run.device_id,
        namespace=run.namespace,
        epoch=str(Epoch(run.app_epoch, Epoch.parse(run.epoch).owner)),
        policy=run.policy,
        collection_policies=policies,
        writes=not (backup or run.dry_run),
        ties=ties,
    )
    return RunPlan(
        terms=terms,
        label=compile_labels(run.named),
        rules=ValidationService.for_app(
            max_entry_bytes=run.max_entry_bytes, collections=run.declared, pinned=knowledge.pinned
        ),
        only_backed_up=backup,
        stops_on_refusal=run.options.get("continueOnError") is False,
        settled=None if {name for name, _ in run.named} <= knowledge.settled else knowledge.settled,
    )


def prepare(claim: ClaimedChunk, plan: RunPlan, *, extractor: DataExtractor) -> Part:
    """Read a claimed chunk, or the span of it that is to be tried. Raises BackupUnreadable."""
    first = claim.next_ordinal
    last = claim.entries if claim.span is None else min(claim.entries, first + claim.span)
    part = Part(claim, plan.terms, [], [], first, last, 0)
    span = _within(extractor.chunk_slices(claim), first, last)
    if is_poison(claim):
        [(_, lines)] = span
        part.refused, part.line_bytes = [_poison(first, lines[0])], len(lines.raws[0])
    elif plan.only_backed_up:
        part.line_bytes = sum(lines.size for _, lines in span)
    else:
        _fill(part, span, plan)
    return part


def is_poison(claim: ClaimedChunk) -> bool:
    """Tell whether the one entry left in the span has taken its worker down often enough."""
    return claim.span == 1 and claim.attempts > setting("POISON_ATTEMPTS")


def _within(slices: Iterable[Lines], first: int, last: int) -> Iterator[tuple[int, Lines]]:
    """Yield what of the slices lies from ordinal `first` to before `last`, each with where it begins."""
    end = 0
    for lines in slices:
        begun, end = end, end + len(lines)
        if first <= begun and end <= last:
            yield begun, lines
        elif max(begun, first) < min(end, last):
            yield max(begun, first), lines[max(first - begun, 0) : last - begun]


def _fill(part: Part, span: Iterable[tuple[int, Lines]], plan: RunPlan) -> None:
    """Judge and map the entries a slice at a time, while the processor has them at hand."""
    detector, sampler = AutoDetector(), SchemaSampler()
    for_types = Thinned(part.last - part.first, detector.per_chunk)
    for_schemas = Thinned(part.last - part.first, sampler.per_span)
    for first, lines in span:
        _add(part, lines, plan, first=first)
        for_types.take(lines)
        for_schemas.take(lines)
    part.types = detector.sample(for_types.lines, label=plan.label.label)
    if plan.terms.writes:
        part.samples = _samples(part, for_schemas, sampler, plan)


def _add(part: Part, lines: Lines, plan: RunPlan, *, first: int) -> None:
    if faults_armed():
        for raw in lines.raws:
            fault_point("load.entry", about=raw)
    part.line_bytes += lines.size
    mapper = DataMapper(label_all=plan.label.label_all)
    refusals = plan.rules.judge_all(lines, label=plan.label.label, first=first)
    part.rows += mapper.rows(lines, first=first, skip=frozenset(refusal.ordinal for refusal in refusals))
    part.refused += [_refused(refusal, lines[refusal.ordinal - first], mapper) for refusal in refusals]


def _samples(part: Part, thinned: Thinned, sampler: SchemaSampler, plan: RunPlan) -> dict[str, list[dict[str, Any]]]:
    lines, refused = thinned.lines, {one.row.ordinal for one in part.refused}
    found: dict[str, list[dict[str, Any]]] = {}
    for one in sampler.sample(lines, label=plan.label.label, known=plan.settled, turn=part.claim.id):
        key = key_hash(literal(lines.keys[one.ordinal])).hex()
        ordinal = part.first + one.ordinal * thinned.step
        found.setdefault(one.collection, []).append({"key": key, "shape": one.shape, "refused": ordinal in refused})
    return found


def _refused(refusal: Refusal, line: Line, mapper: DataMapper) -> Refused:
    row = mapper.rows(Lines.of([line]), first=refusal.ordinal)[0]
    return Refused(row, line.raw, refusal.code, refusal.detail, refusal.path)


def _poison(ordinal: int, line: Line) -> Refused:
    """Refuse an entry without labelling or judging it: one of those may be what kills."""
    key_json = literal(line.key)
    row = Row(ordinal, key_hash(key_json), key_json, "default", None, LITERAL, False, fingerprint(line.raw))
    return Refused(row, line.raw, POISON, "Workers died or failed on this entry; it was set aside unread.")
