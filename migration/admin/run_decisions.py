"""What a run's page says of the decisions made for it: what, when and why, in sentences."""

from datetime import datetime, timedelta
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from migration.admin.display import moment, number, size, visible
from migration.models import MigrationRun
from migration.reports import Decision, decisions

_WHY = {
    ("policy", "run"): "The run asked for it.",
    ("policy", "app"): "The app's setting; the run asked for none.",
    ("policy", "collection"): "The app's setting for this collection, as it is now.",
    ("batch", "all_that_waited"): "No more was waiting.",
    ("batch", "entries_full"): "A batch may have no more entries.",
    ("batch", "chunks_full"): "A batch may have no more chunks.",
    ("batch", "tried_alone"): "An earlier try had failed: each chunk by itself.",
    ("strategy", "copy"): "Copied, or staged and merged: the quickest for many entries.",
    ("strategy", "upsert"): "With the statement itself: few entries, or Postgres did not take all of them at once.",
    ("strategy", "row"): "An entry at a time.",
    ("batch", "narrowed_down"): "Something in it breaks loading: smaller and smaller parts, until it is found.",
    ("chunk", ""): "The browser cut it; it gave no reason.",
    ("again", ""): "A worker died, lost its lease, or its batch failed.",
    ("repair", ""): "What was stored did not agree with the manifest; what differed was sent again.",
}

_MOMENT = timedelta(seconds=1)
"""What lies closer together is shown as one moment."""


def decisions_of(run: MigrationRun) -> list[tuple[str, str, SafeString | str, str]]:
    """Return rows of (what was decided upon, what was chosen, when, why)."""
    return [
        (*_chosen(one), _when(one.first, one.last), _WHY.get((one.kind, one.reason)) or visible(one.reason))
        for one in decisions(run)
    ]


def _chosen(one: Decision) -> tuple[str, str]:
    if one.kind == "policy":
        policy, collection = one.subject
        return f"Who wins a conflict{f' in {visible(collection)}' if collection else ''}", visible(policy)
    if one.kind == "chunk":
        return "Size of chunks", f"{_many(one.count, 'chunk')} of {_range(one, size)}"
    if one.kind == "batch":
        return "Size of batches", f"{_many(one.count, 'batch', 'batches')} of {_range(one, number)} entries"
    if one.kind == "strategy":
        return "How they were written", f"{_many(one.count, 'batch', 'batches')} by {one.reason}"
    if one.kind == "again":
        return "Tried again", f"{_many(one.count, 'chunk')}, {_range(one, number)} times more"
    return "Repair", _many(one.count, "round")


def _range(one: Decision, shown: Any) -> str:
    lowest, highest = shown(one.lowest), shown(one.highest)
    return lowest if lowest == highest else f"{lowest} to {highest}"


def _many(count: int, one: str, several: str = "") -> str:
    return f"{number(count)} {one if count == 1 else several or one + 's'}"


def _when(first: datetime | None, last: datetime | None) -> SafeString | str:
    if first is None or last is None or last - first < _MOMENT:
        return moment(first or last)
    return format_html("{}<br>to {}", moment(first), moment(last))
