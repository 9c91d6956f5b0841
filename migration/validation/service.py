"""The service the conductor asks: which entries of a span are refused, and is a run complete."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from migration.config import setting
from migration.validation.completeness import Buckets, compare_with_manifest
from migration.validation.rules import EntryTooLarge, KeyTooLarge, Rule, TypeMismatch
from migration.validation.schemas import PinnedSchema, SchemaMismatch
from migration.values.lines import Line, Lines
from migration.values.refusals import Refusal


class ValidationService:
    """Asks rules, cheapest first; the first that refuses an entry gives the reason."""

    def __init__(self, *, rules: Sequence[Rule]) -> None:
        """Keep the rules in the order given."""
        self._rules = tuple(rules)

    @classmethod
    def for_app(
        cls,
        *,
        max_entry_bytes: int,
        collections: Sequence[Mapping[str, Any]] = (),
        kind_of: Callable[[str], str] | None = None,
        pinned: Mapping[str, PinnedSchema] | None = None,
    ) -> "ValidationService":
        """Build the service with the rules an app's settings and pinned schemas (by collection) ask for."""
        return cls(
            rules=(
                EntryTooLarge(max_entry_bytes),
                KeyTooLarge(setting("KEY_UNITS")),
                TypeMismatch.of_app(collections, kind_of),
                SchemaMismatch(pinned or {}),
            )
        )

    def judge(self, ordinal: int, line: Line, collection: str) -> Refusal | None:
        """Return why an entry is refused, or None."""
        return _first_refusal(self._rules, ordinal, line, collection)

    def judge_all(self, lines: Lines, *, label: Callable[[str], str], first: int = 0) -> list[Refusal]:
        """Return the refusals among `lines`, whose ordinals count from `first`.

        Rules that cannot refuse any of these lines are dropped first; mostly none is left and no key is labelled.
        """
        rules = tuple(rule for rule in self._rules if rule.may_refuse(lines))
        if not rules:
            return []
        verdicts = (
            _first_refusal(rules, place, line, label(line.key)) for place, line in enumerate(lines, start=first)
        )
        return [verdict for verdict in verdicts if verdict is not None]

    def incomplete(self, *, manifest: Mapping[str, Any], claimed: Buckets) -> dict[str, list[str]]:
        """Return the buckets in which what arrived is not what the manifest announced; empty when complete."""
        return compare_with_manifest(manifest, claimed)


def _first_refusal(rules: Sequence[Rule], ordinal: int, line: Line, collection: str) -> Refusal | None:
    for rule in rules:
        refusal = rule.judge(ordinal, line, collection)
        if refusal is not None:
            return refusal
    return None
