"""`manage.py migration_sweeper`: rings for what a lost bell forgot and clears up after the dead."""

import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from migration.config import setting
from migration.orchestration import MigrationOrchestrator
from migration.reports import prove_rollbacks

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Sweeps every `MIGRATION_SWEEP_SECONDS`. Several may run: an advisory lock lets one at a time act."""

    requires_system_checks = ()  # they load every page; `migrate` makes them
    help = "Ring for forgotten work, release dead claims, expire what is old."

    def add_arguments(self, parser: Any) -> None:
        """Declare `--once`."""
        parser.add_argument("--once", action="store_true", help="sweep once and stop")

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        """Sweep until told to stop."""
        stop = threading.Event()
        if not once:
            for name in (signal.SIGTERM, signal.SIGINT):
                signal.signal(name, lambda *_: stop.set())
        while True:
            self._sweep()
            if once or stop.wait(setting("SWEEP_SECONDS")):
                return

    def _sweep(self) -> None:
        close_old_connections()
        try:
            MigrationOrchestrator().sweep(at=timezone.now())
            prove_rollbacks(at=timezone.now())
        except (OperationalError, InterfaceError) as error:
            log.warning("sweep_failed", error=type(error).__name__)
