"""What a run's page shows, read in a handful of queries."""

import json
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from migration.admin.display import NOTHING, badge, code, link_to, listed, moment, number, short, size, visible
from migration.admin.run_decisions import decisions_of
from migration.events import Happening
from migration.models import Chunk, Conflict, MigrationRun, QuarantineEntry, Rollback, RunEvent
from migration.orchestration.steering import CANCELLABLE, PAUSABLE
from migration.progress import snapshot
from migration.progress.snapshots import ENDED
from migration.states import RunState

SHOWN = 100
"""Rows of a table shown; the rest is counted."""

_COUNTERS = (
    ("stored", "Stored", "new in the records, or changed by this run"),
    ("unchanged", "Unchanged", "the server held the very same value"),
    ("superseded", "Superseded", "a later write of this device had the last word"),
    ("conflict", "Conflicts", "both values are kept"),
    ("quarantined", "Quarantined", "refused with a reason, kept as they came"),
    ("withheld", "Withheld", "recognised as secrets, never left the browser"),
    ("deleted", "Deletions", "of these entries, removals"),
)
_STATEMENT = (
    "stored",
    "conflict",
    "quarantined",
    "withheld",
    "issued_at",
    "iss",
    "purpose",
    "app",
    "owner",
    "device",
    "run",
    "revision",
    "timeline",
    "manifest_version",
    "manifest_digest",
)
_PHASES = ("upload", "validation", "backup", "load", "verification")


def page_of(run: MigrationRun) -> dict[str, Any]:
    """Return the template's context."""
    shown = snapshot(run)
    return {
        "run": run,
        "shown": shown,
        "moves": run.state not in ENDED,
        "state_badge": badge(run.state),
        "percentage": str(shown["percentage"]),
        "success": f"{100 * shown['success_rate']:.4g} %",
        "counters": [(name, title, hint, number(shown["entries"][name])) for name, title, hint in _COUNTERS],
        "phases": [(name, round(100 * shown["phases"][name])) for name in _PHASES],
        "run_errors": [
            (one.get("at", ""), visible(one.get("code", "")), visible(one.get("detail", ""), longest=None))
            for one in run.errors
        ],
        "statement": _statement(run),
        "manifest": _manifest(run),
        "verbs": _verbs(run),
        "facts": _facts(run),
        "decisions": decisions_of(run),
        **_timeline(run),
        **_chunks(run),
        **_quarantine(run),
        **_rollbacks(run),
    }


def _facts(run: MigrationRun) -> list[tuple[str, Any]]:
    conflicts = Conflict.objects.filter(run=run).count() if run.entries_conflict else 0
    return [
        ("App", link_to("app", run.app_id, visible(run.app.name))),
        ("Owner", link_to("owner", run.owner_id, visible(str(run.owner)))),
        ("Device", link_to("device", run.device_id)),
        ("Purpose", f"{run.purpose}{' (dry run)' if run.dry_run else ''}"),
        ("Epoch", run.epoch),
        ("Manifest", f"version {run.manifest_version}, {run.upload_state}"),
        ("Conflicts journaled", listed("conflict", number(conflicts), run__id__exact=run.id)),
        ("Created", moment(run.created_at)),
        ("Finished", moment(run.finished_at) if run.state in ENDED else NOTHING),
    ]


def _verbs(run: MigrationRun) -> list[tuple[str, str, str]]:
    """Return (verb, title, hint) of what may be done now."""
    verbs = []
    if run.state in PAUSABLE and not run.pause_wished:
        verbs.append(("pause", "Pause", "Workers leave it alone until it is resumed."))
    if (run.state in PAUSABLE and run.pause_wished) or run.state == RunState.FAILED:
        verbs.append(("resume", "Resume", "It goes on where it stopped."))
    if run.state in CANCELLABLE and not run.cancel_wished:
        verbs.append(("cancel", "Cancel", "What is loaded stays and can be rolled back."))
    return verbs


def _statement(run: MigrationRun) -> list[tuple[str, Any]]:
    """Return the receipt's statement in the order people read it; what is not known here comes last."""
    told = dict(run.statement or {})
    return [(name.replace("_", " "), _stated(told[name])) for name in sorted(told, key=_place)]


def _place(name: str) -> int:
    return _STATEMENT.index(name) if name in _STATEMENT else len(_STATEMENT)


def _stated(value: Any) -> SafeString:
    if isinstance(value, dict) and value.keys() == {"entries", "digest"}:
        return format_html("{} entries {}", number(value["entries"]), code(str(value["digest"]), longest=None))
    return code(value if isinstance(value, str) else json.dumps(value), longest=None)


def _manifest(run: MigrationRun) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            visible(one.get("name", "")),
            visible(", ".join(one.get("patterns", []))),
            number(one.get("entries", 0)),
            size(one.get("bytes", 0)),
            _types(run, one.get("name", "")),
        )
        for one in run.manifest.get("collections", [])[:SHOWN]
    ]


def _types(run: MigrationRun, collection: str) -> str:
    counts = run.types.get(collection) or {}
    return (
        visible(", ".join(f"{kind} {count}" for kind, count in sorted(counts.items(), key=lambda item: -item[1])))
        or NOTHING
    )


def _timeline(run: MigrationRun) -> dict[str, Any]:
    events = list(RunEvent.objects.filter(run=run).order_by("-number", "-id")[: SHOWN + 1])
    return {
        "timeline": [(event.at, event.number, event.kind, _told(event)) for event in events[:SHOWN]],
        "timeline_cut": len(events) > SHOWN,
    }


def _told(event: RunEvent) -> str:
    data = dict(event.data)
    if event.kind == "state":
        moved = f"{data.pop('from', '')} → {data.pop('to', '')}: {data.pop('why', '')}"
        return visible(f"{moved}{_rest(data)}", longest=500)
    if event.kind == Happening.WISH:
        return visible(f"{_wished(data)}, asked for by {data.get('actor', '')}", longest=500)
    if event.kind == "error":
        return visible(f"{data.get('code', '')}: {data.get('detail', '')}", longest=500)
    return visible(_rest(data).lstrip(" ·"), longest=500)


def _wished(data: dict[str, Any]) -> str:
    if "pause_wished" in data:
        return "pause" if data["pause_wished"] else "resume"
    return "cancel"


def _is_undone(rollbacks: list[Rollback]) -> bool:
    """Tell whether the newest finished rollback gave back what another had taken (an undo of an undo takes again)."""
    by_id = {rollback.id: rollback for rollback in rollbacks}
    newest = next((rollback for rollback in rollbacks if rollback.state == Rollback.State.DONE), None)
    undone = False
    while newest is not None and newest.undoes_id is not None:
        undone, newest = not undone, by_id.get(newest.undoes_id)
    return undone


def _rest(data: dict[str, Any]) -> str:
    return "".join(f" · {name} {value}" for name, value in data.items() if name != "at")


def _chunks(run: MigrationRun) -> dict[str, Any]:
    fields = ("id", "key", "seq", "entries", "payload_bytes", "state", "attempts", "stored_at", "loaded_at")
    chunks = list(Chunk.objects.filter(run=run).order_by("-seq", "-id").values(*fields)[:SHOWN])
    return {
        "chunks": [
            {
                **chunk,
                "short": short(chunk["key"]),
                "badge": badge(chunk["state"]),
                "size": size(chunk["payload_bytes"]),
            }
            for chunk in chunks
        ],
        "chunks_cut": run.chunks_received > len(chunks),
    }


def _quarantine(run: MigrationRun) -> dict[str, Any]:
    groups = QuarantineEntry.objects.filter(run=run).values("code", "collection", "state").annotate(many=Count("id"))
    return {
        "quarantine": [
            (
                listed("quarantineentry", visible(group["code"]), run__id__exact=run.id, code__exact=group["code"]),
                visible(group["collection"]),
                badge(group["state"]),
                number(group["many"]),
            )
            for group in groups.order_by("-many")[:SHOWN]
        ]
    }


def _rollbacks(run: MigrationRun) -> dict[str, Any]:
    rollbacks = list(Rollback.objects.filter(run=run).order_by("-created_at")[:SHOWN])
    undone = {rollback.undoes_id for rollback in rollbacks if rollback.state != Rollback.State.FAILED}
    return {
        "is_undone": run.state == RunState.ROLLED_BACK and _is_undone(rollbacks),
        "rollbacks": [
            {
                "link": link_to("rollback", rollback.id),
                "what": "undo" if rollback.undoes_id else "rollback",
                "badge": badge(rollback.state),
                "reverted": number(rollback.reverted - rollback.deleted),
                "deleted": number(rollback.deleted),
                "kept": number(rollback.kept),
                "actor": visible(rollback.actor),
                "created_at": moment(rollback.created_at),
                "undo_url": reverse("admin:migration_rollback_undo", args=[rollback.id])
                if rollback.state == Rollback.State.DONE and rollback.id not in undone
                else "",
            }
            for rollback in rollbacks
        ],
    }
