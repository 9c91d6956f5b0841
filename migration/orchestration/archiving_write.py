"""One batch of an archive, written: as it was where nothing is held, otherwise into what is held."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, repeat
from typing import Any
from uuid import UUID

from django.db import connection

from migration import cutover, progress
from migration.loading import Exact, LoadEngine, Part, RunTerms
from migration.mapping import all_in, map_rows
from migration.orchestration.archiving_batches import Batch, Piece
from migration.orchestration.archiving_beside import BesideWriter
from migration.orchestration.archiving_owners import Target, find_targets
from migration.values.lines import Line, Lines, decode_line
from migration.values.rows import Row
from migration.values.versions import Version

Counts = dict[str, Counter[str]]
"""Outcomes by collection; what belongs to none stands under the empty name."""
_HIGHEST = ("\U0010ffff", "")

_ABSENT = """
SELECT key_json, collection FROM migration_record
WHERE owner_id = %(owner)s AND (namespace, key_hash) > (%(low_name)s, %(low)s)
  AND (%(open)s OR (namespace, key_hash) <= (%(high_name)s, %(high)s)) AND value IS NOT NULL AND namespace = %(name)s
  AND (%(collections)s::text[] IS NULL OR collection = ANY(%(collections)s)) AND NOT key_hash = ANY(%(there)s)
"""


@dataclass(slots=True)
class Terms:
    """Under which terms an archive is written: into which app, whether it replaces, and whose numbers are ours."""

    app_id: UUID
    replaces: bool
    timeline: str
    is_ours: bool
    """The archive is of this very database: revisions and ids mean the same here."""
    collections: list[str] | None
    actor: str


@dataclass(slots=True)
class BatchWriter:
    """Writes batches; remembers whose lines it is amid of, because the next batch goes on with them."""

    terms: Terms
    target: Target | None = None
    beside: BesideWriter = field(default_factory=BesideWriter)
    engine: LoadEngine = field(default_factory=LoadEngine)

    def write(self, batch: Batch, *, at: datetime) -> Counts:
        """Write a batch in the caller's transaction and return its outcomes by collection."""
        counts: Counts = {}
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        found = self._targets(batch)
        for piece, target in found:
            if target.is_erased:
                _count(counts, "", "erased", len(piece.slice))
        pieces = [(piece, target) for piece, target in found if not target.is_erased]
        self.beside.write(pieces, self.terms, counts)
        self._exact([one for one in pieces if one[1].is_exact], counts)
        for piece, target in pieces:
            if not target.is_exact:
                self._merge(piece, target, counts, at=at)
        return counts

    def _targets(self, batch: Batch) -> list[tuple[Piece, Target]]:
        new = [piece.slice.owner for piece in batch.pieces if piece.slice.begins]
        targets = iter(find_targets(self.terms.app_id, new))
        found = []
        for piece in batch.pieces:
            if piece.slice.begins or self.target is None:
                self.target = next(targets)
            found.append((piece, self.target))
        return found

    def _exact(self, pieces: list[tuple[Piece, Target]], counts: Counts) -> None:
        versions = [one for piece, target in pieces for one in _exact(piece, target)]
        refused = [one for one, _ in self.engine.write_exact(versions)]
        for (collection, is_current), count in _tally(versions).items():
            _count(counts, collection, "restored" if is_current else "history", count)
        for (collection, is_current), count in _tally(refused).items():
            _count(counts, collection, "restored" if is_current else "history", -count)
            _count(counts, collection, "refused", count)

    def _merge(self, piece: Piece, target: Target, counts: Counts, *, at: datetime) -> None:
        self._history(piece, target, counts)
        current = [(one, row) for one, row in zip(piece.slice.versions, piece.rows, strict=True) if one.until is None]
        if self.terms.replaces:
            current += self._absent(current, piece, target)
        changed = 0
        for (namespace, collection), group in groupby(sorted(current, key=_name), key=_name):
            part = _part(self.terms.app_id, target.owner_id, namespace)
            part.rows += [row._replace(ordinal=place) for place, (_, row) in enumerate(group)]
            outcomes = self.engine.restore(part, replaces=self.terms.replaces, at=at)
            changed += sum(outcomes[name] for name in ("came_back", "replaced", "deleted"))
            for outcome, count in outcomes.items():
                _count(counts, collection, "restored" if outcome in ("came_back", "replaced") else outcome, count)
        if changed:
            epoch = cutover.raise_owner_epoch(owner_id=target.owner_id, cause="restore", actor=self.terms.actor, at=at)
            progress.announce_epoch(target.owner_id, epoch)

    def _history(self, piece: Piece, target: Target, counts: Counts) -> None:
        """Superseded versions are facts about revisions: they fit where these are counted alike, nowhere else."""
        versions = [one for one in _exact(piece, target) if one.version.until is not None]
        fits = self.terms.is_ours and not target.is_renamed
        refused = [one for one, _ in self.engine.write_exact(versions)] if fits else versions
        for (collection, _), count in _tally(versions).items():
            _count(counts, collection, "history", count)
        for (collection, _), count in _tally(refused).items():
            _count(counts, collection, "history", -count)
            _count(counts, collection, "refused" if fits else "history_left_out", count)

    def _absent(self, current: list[tuple[Version, Row]], piece: Piece, target: Target) -> list[tuple[Version, Row]]:
        """Return deletions of keys that are held and lie among this slice's keys without being one of them.

        Current versions come in the order of their keys, so each slice covers a stretch of them.
        """
        if not current and not piece.slice.ends:
            return []
        low = target.last or ("", "")
        is_open = piece.slice.ends or len(current) < len(piece.slice.versions)
        high = _HIGHEST if is_open else (current[-1][0].namespace, current[-1][1].key_hash.hex())
        if low == _HIGHEST:
            return []
        target.last = high
        deletions = []
        for namespace in sorted({one.namespace for one, _ in current} | set(_namespaces(target.owner_id))):
            there = [row.key_hash for one, row in current if one.namespace == namespace]
            for line, collection in self._held_between(target.owner_id, namespace, low, high, there):
                deletions.append((_deletion(namespace, collection), _row(line, collection)))
        return deletions

    def _held_between(
        self, owner_id: UUID, namespace: str, low: tuple[str, str], high: tuple[str, str], there: list[bytes]
    ) -> Iterator[tuple[Line, str]]:
        given: dict[str, Any] = {
            "owner": owner_id,
            "name": namespace,
            "low_name": low[0],
            "low": bytes.fromhex(low[1]),
            "open": high == _HIGHEST,
            "high_name": high[0],
            "high": bytes.fromhex(high[1]),
            "collections": self.terms.collections,
            "there": there,
        }
        with connection.cursor() as cursor:
            cursor.execute(_ABSENT, given)
            for key_json, collection in cursor.fetchall():
                yield decode_line(b"[" + key_json.encode() + b"]"), collection


def _exact(piece: Piece, target: Target) -> Iterator[Exact]:
    return map(Exact, repeat(target.owner_id), target.versions_here(piece.slice.versions), piece.rows)


def _tally(versions: Iterable[Exact]) -> Counter[tuple[str, bool]]:
    """Count versions by collection and whether they stand."""
    return Counter([(one.version.collection, one.version.until is None) for one in versions])


def _name(one: tuple[Version, Row]) -> tuple[str, str]:
    return one[0].namespace, one[1].collection


def _namespaces(owner_id: UUID) -> Iterable[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT namespace FROM migration_record WHERE owner_id = %s", [owner_id])
        return [name for (name,) in cursor.fetchall()]


def _row(line: Line, collection: str) -> Row:
    return map_rows(Lines.of([line]), label_all=all_in(collection))[0]


def _deletion(namespace: str, collection: str) -> Version:
    return Version(namespace, collection, 0, None, 0, None, None, "restore", 0)


_places = iter(range(1, 2**62))


def _part(app_id: UUID, owner_id: UUID, namespace: str) -> Part:
    terms = RunTerms(owner_id, owner_id, namespace, "", "", {}, writes=True)
    return Part.unclaimed(terms, owner_id=owner_id, app_id=app_id, place=next(_places), seq=0)


def _count(counts: Counts, collection: str, outcome: str, by: int = 1) -> None:
    if by:
        counts.setdefault(collection, Counter())[outcome] += by
