"""`manage.py migration_report`: the report of a run, as JSON or as one HTML page."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration import reports
from migration.errors import NotFound


class Command(BaseCommand):
    """Writes JSON to the standard output unless told otherwise."""

    help = "Write the report of a run: JSON to standard output, or an HTML page to a file."

    def add_arguments(self, parser: Any) -> None:
        """Declare the run and the form."""
        parser.add_argument("run", type=UUID, help="id of the run")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="JSON, the default")
        form.add_argument("--html", metavar="FILE", type=Path, help="write one self-contained page to FILE")

    def handle(self, *_args: Any, run: UUID, html: Path | None, **_options: Any) -> None:
        """Write it."""
        at = timezone.now()
        try:
            text = reports.html_report(run, at=at) if html else json.dumps(reports.whole_report(run, at=at), indent=2)
        except NotFound as error:
            raise CommandError(error.detail) from error
        if html is None:
            self.stdout.write(text)
            return
        try:
            html.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{html} cannot be written: {error.strerror}.") from error
