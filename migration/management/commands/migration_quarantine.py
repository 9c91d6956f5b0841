"""`manage.py migration_quarantine`: refused entries from the terminal: list, export, replay, discard, reopen."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, QuerySet
from django.utils import timezone

from migration.errors import MigrationError
from migration.models import App, QuarantineEntry
from migration.orchestration import quarantine, replaying
from migration.orchestration.quarantine import Cause
from migration.states import QuarantineState
from migration.values.visible import visible

ACTOR = "command"
NOTHING = 3
"""Exit code when there was nothing to do."""


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused (the message says why), 2 wrong usage, 3 nothing to do."""

    help = "Refused entries: list them by cause, export, replay, discard or reopen those of one cause."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the verbs and what they take."""
        parser.add_argument("verb", choices=["list", "export", "replay", "discard", "reopen"])
        parser.add_argument("--app", required=True, help="the app's slug")
        parser.add_argument("--code", help="only entries refused with this code")
        parser.add_argument("--collection", help="only entries of this collection")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and do nothing")

    def handle(self, *_args: Any, verb: str, app: str, **options: Any) -> None:
        """Do the verb."""
        found = App.objects.filter(slug=app).first()
        if found is None:
            raise CommandError(f"there is no app {app!r}", returncode=2)
        entries = _chosen(found, options)
        try:
            lines = list(getattr(self, f"_{verb}")(found, entries, options))
        except MigrationError as error:
            raise CommandError(error.detail) from error
        for line in lines:
            self.stdout.write(line)
        if not lines:
            raise CommandError("nothing to do", returncode=NOTHING)

    def _list(self, app: App, entries: QuerySet[QuarantineEntry], options: dict[str, Any]) -> Iterable[str]:
        for row in _causes(entries, "state"):
            yield _said(row, options)

    def _export(self, app: App, entries: QuerySet[QuarantineEntry], options: dict[str, Any]) -> Iterable[str]:
        if options["dry_run"]:
            yield _said({"entries": entries.count()}, options)
            return
        for line in quarantine.export(entries, app_id=app.id, actor=ACTOR, at=timezone.now()):
            self.stdout.write(line.decode(), ending="")
        yield ""

    def _replay(self, app: App, entries: QuarantineEntry, options: dict[str, Any]) -> Iterable[str]:
        for row in _causes(entries.filter(state=QuarantineState.OPEN)):  # type: ignore[attr-defined]
            order = replaying.cause_order(Cause(app.id, row["code"], row["collection"], row["path"]))
            at = timezone.now()
            if options["dry_run"]:
                trial = replaying.preview(order, at=at)
                counts = {name: len(getattr(trial, name)) for name in ("replayed", "refused", "unfit", "closed")}
                yield _said({**row, "would": counts, "first_batch_only": not trial.is_end}, options)
            else:
                asked = replaying.ask(order, idempotency_key=uuid4(), actor=ACTOR, at=at)
                yield _said({**row, "replay": str(asked.id)}, options)

    def _discard(self, app: App, entries: QuerySet[QuarantineEntry], options: dict[str, Any]) -> Iterable[str]:
        yield from self._move(quarantine.discard, QuarantineState.OPEN, app, entries, options)

    def _reopen(self, app: App, entries: QuerySet[QuarantineEntry], options: dict[str, Any]) -> Iterable[str]:
        yield from self._move(quarantine.reopen, QuarantineState.DISCARDED, app, entries, options)

    def _move(
        self, move: Any, source: str, app: App, entries: QuerySet[QuarantineEntry], options: dict[str, Any]
    ) -> Iterable[str]:
        waiting = entries.filter(state=source)
        count = waiting.count()
        if count and not options["dry_run"]:
            count = move(waiting, app_id=app.id, actor=ACTOR, at=timezone.now())
        if count:
            yield _said({"entries": count}, options)


def _chosen(app: App, options: dict[str, Any]) -> QuerySet[QuarantineEntry]:
    given = {name: options[name] for name in ("code", "collection") if options[name] is not None}
    return QuarantineEntry.objects.filter(app_id=app.id, **given)


def _causes(entries: Any, *more: str) -> list[dict[str, Any]]:
    return list(
        entries.order_by()
        .values("code", "collection", "path", *more)
        .annotate(entries=Count("id"))
        .order_by("-entries")
    )


def _said(row: dict[str, Any], options: dict[str, Any]) -> str:
    if options["json"]:
        return json.dumps(row)
    return "  ".join(f"{name} {visible(str(value))}" for name, value in row.items() if value != "")
