"""`manage.py migration_tune`: settings changed while everything runs, listed, changed and taken back."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from migration.management.archiving import actor, told_errors
from migration.orchestration.tuning import Standing, standing, tune, untune


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused, 2 wrong usage."""

    help = "Lists the settings that can be changed without a restart; changes one, or gives it back to the environment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is changed."""
        parser.add_argument("name", nargs="?", help="the setting, without MIGRATION_")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("value", nargs="?", help="what it is to be")
        what.add_argument("--reset", action="store_true", help="have it be what the environment says")
        parser.add_argument("--json", action="store_true", help="JSON lines instead of words")

    def handle(self, *_args: Any, name: str | None, value: str | None, **options: Any) -> None:
        """Change if asked to; then say how it stands."""
        with told_errors():
            if name and options["reset"]:
                untune(name, actor=actor(), at=timezone.now())
            elif name and value is not None:
                tune(name, value, actor=actor(), at=timezone.now())
            for one in standing():
                if name in (None, one.name):
                    self.stdout.write(json.dumps(_row(one), default=str) if options["json"] else _words(one))


def _row(one: Standing) -> dict[str, Any]:
    changed = {"by": one.changed.actor, "at": one.changed.at} if one.changed else {}
    return {"name": one.name, "value": one.value, "given": one.given, "meaning": one.meaning, **changed}


def _words(one: Standing) -> str:
    changed = f"  (given: {one.given}; changed by {one.changed.actor})" if one.changed else ""
    return f"{one.name} = {one.value}{changed}  {one.meaning}"
