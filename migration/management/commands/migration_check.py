"""`manage.py migration_check`: is the service ready, and does rollback work? Its exit code tells a script."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration import reports
from migration.models import App


class Command(BaseCommand):
    """Checks every app, or one; exits with 1 where an issue was found, with 2 for warnings if they are to count."""

    help = "Check schema, keys, workers, queue, clocks and backups, and rehearse a rollback in each app."

    def add_arguments(self, parser: Any) -> None:
        """Declare the app, the form, and whether warnings count."""
        parser.add_argument("--app", metavar="SLUG", help="only this app")
        parser.add_argument("--json", action="store_true", help="JSON instead of lines")
        parser.add_argument("--strict", action="store_true", help="exit with 2 where there are only warnings")

    def handle(self, *_args: Any, app: str | None, json: bool, strict: bool, **_options: Any) -> None:
        """Check, tell, exit."""
        apps = list(App.objects.filter(**({"slug": app} if app else {"is_active": True})).order_by("slug"))
        if app and not apps:
            raise CommandError(f"There is no app {app}.")
        told = reports.system_readiness(apps=apps, at=timezone.now())
        self._tell(told, as_json=json)
        severities = {check["severity"] for check in told["checks"]}
        code = 1 if "issue" in severities else 2 if strict and "warning" in severities else 0
        if code:
            sys.exit(code)

    def _tell(self, told: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(told, indent=2))
            return
        for check in told["checks"]:
            app = f"[{check['app']}] " if check["app"] else ""
            self.stdout.write(f"{check['severity']:7} {app}{check['code']}: {check['detail']}")
        self.stdout.write("ready" if told["ready"] else "not ready")
