"""What an app lets pass of a few entries somebody waits for: no secrets, nothing that breaks a rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migration import detection
from migration.mapping import map_rows
from migration.models import App
from migration.orchestration.knowledge import UNKNOWN, knowledge_of
from migration.validation import ValidationService
from migration.values.collections import Labeller, compile_labels, compile_patterns
from migration.values.lines import Line, Lines
from migration.values.refusals import Refusal
from migration.values.rows import Row


@dataclass(frozen=True, slots=True)
class Judge:
    """One app's rules, and how it names keys."""

    app: App
    labels: Labeller
    rules: ValidationService

    @classmethod
    def of(cls, app: App, *, pinned: bool = True) -> "Judge":
        """Read what is pinned for an app, unless it is known that nothing is, and compile the rest."""
        known = knowledge_of(app.id) if pinned else UNKNOWN
        rules = ValidationService.for_app(
            max_entry_bytes=app.max_entry_bytes, collections=app.collections, pinned=known.pinned
        )
        return cls(app, compile_labels([(one["name"], one["patterns"]) for one in app.collections]), rules)

    def refusals(self, lines: Mapping[int, Line]) -> dict[int, Refusal]:
        """Return why lines are refused, under the numbers they were given with; a secret is that first of all."""
        if not lines:
            return {}
        found = dict(self._misfits(lines))
        found.update(self._secrets(lines))
        return found

    def rows(self, lines: Lines) -> list[Row]:
        """Return one row per line."""
        return map_rows(lines, label_all=self.labels.label_all)

    def _misfits(self, lines: Mapping[int, Line]) -> Iterator[tuple[int, Refusal]]:
        numbers = list(lines)
        for refusal in self.rules.judge_all(Lines.of(lines.values()), label=self.labels.label):
            yield numbers[refusal.ordinal], refusal

    def _secrets(self, lines: Mapping[int, Line]) -> Iterator[tuple[int, Refusal]]:
        allowed = compile_patterns(self.app.allow_sensitive) if self.app.allow_sensitive else None
        entries = Lines.of(lines.values())
        payload = b"".join(raw + b"\n" for raw in entries.raws)
        found = {one.key for one in detection.scan_entries(payload, entries, allowed=allowed)}
        for number, line in lines.items():
            if line.key in found and line.value is not None:
                # Asked again: the same key may come twice, and be harmless once.
                secret = detection.find_secret(line.key, line.value)
                if secret is not None:
                    yield number, Refusal(0, "sensitive_item", secret.why)
