"""`manage.py migration_schema show|pin|unpin`: the schemas kept of an app's collections."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.errors import MigrationError
from migration.models import App, CollectionSchema
from migration.orchestration import schemas

ACTOR = "command:migration_schema"


class Command(BaseCommand):
    """Shows what was inferred and noticed, pins a schema from a file, or takes the pin away."""

    help = "Show, pin or unpin the JSON Schemas of an app's collections."

    def add_arguments(self, parser: Any) -> None:
        """Declare the verb, the app and what belongs to it."""
        parser.add_argument("verb", choices=["show", "pin", "unpin"])
        parser.add_argument("--app", required=True, help="the app's slug")
        parser.add_argument("--collection", help="show: this one only; pin and unpin: needed")
        parser.add_argument("--file", help="pin: the schema (-: standard input; without it the inferred one)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do the verb and print how the collections stand."""
        app = App.objects.filter(slug=options["app"]).first()
        if app is None:
            raise CommandError(f"There is no app {options['app']!r}.")
        if options["verb"] != "show" and not options["collection"]:
            raise CommandError("Name the --collection.")
        try:
            told = [_told(one) for one in self._do(app, options)]
        except MigrationError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        self.stdout.write(json.dumps(told, indent=2) if options["json"] else "\n".join(map(_line, told)))

    def _do(self, app: App, options: dict[str, Any]) -> list[CollectionSchema]:
        name = options["collection"]
        known = CollectionSchema.objects.filter(app=app).order_by("collection")
        if name is not None and options["verb"] == "show":
            known = known.filter(collection=name)
        if options["verb"] == "show":
            return list(known)
        whose = {"app_id": app.id, "collection": name, "at": timezone.now(), "actor": ACTOR}
        if options["verb"] == "unpin":
            return [schemas.unpin_schema(**whose)]
        return [schemas.pin_schema(text=_text(options["file"], known.filter(collection=name).first()), **whose)]


def _text(file: str | None, known: CollectionSchema | None) -> str:
    try:
        if file is not None:
            return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The file cannot be read: {error}") from error
    if known is None or not known.sampled:
        raise CommandError("Nothing was sampled of this collection yet; give a --file.")
    return schemas.inferred_text(known)


def _told(schema: CollectionSchema) -> dict[str, Any]:
    return {
        "collection": schema.collection,
        "sampled": schema.sampled,
        "version": schema.version,
        "pinned": json.loads(schema.pinned) if schema.pinned is not None else None,
        "inferred": schemas.inferred(schema),
        "drift": [
            {"kind": one.kind, "path": one.path, "detail": one.detail, "count": one.count, "share": one.share}
            for one in schema.drift.order_by("first_seen")
        ],
    }


def _line(told: dict[str, Any]) -> str:
    pin = f"version {told['version']} pinned" if told["pinned"] is not None else "nothing pinned"
    return f"{told['collection']!r}: {told['sampled']} sampled, {pin}, {len(told['drift'])} drift notices"
