"""`manage.py migration_worker`: waits for bells and does the work. Run as many as there are cores to spare."""

import contextlib
import os
import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

import django_rq
import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

from migration.config import spare_loaded_code
from migration.dispatch import JOB, QUEUE
from migration.lifecycle import enlist
from migration.orchestration.crew import Crew

log = structlog.get_logger(__name__)
_LOOK = 5.0
"""Seconds between two looks at how many workers there should be."""


class Worker(SimpleWorker):
    """RQ's worker that does not fork, looking for a lost Redis every few seconds; RQ's own goes up to a minute."""

    max_connection_wait_time = 4.0


class Command(BaseCommand):
    """An RQ worker that does not fork: Django is loaded once, a job costs 3 ms instead of 17."""

    requires_system_checks = ()  # they load every page; `migrate` makes them
    help = "Work on what is stored until stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how many there are."""
        parser.add_argument("--processes", type=int, help="keep so many workers at work; replace those that die")
        parser.add_argument("--most", type=int, help="with --processes: up to so many while uploads wait")

    def handle(self, *_args: Any, processes: int | None, most: int | None, **_options: Any) -> None:
        """Serve the queue, or watch over others that do."""
        if processes is None and most is None:
            self._serve()
            return
        least = processes or 1
        if not 1 <= least <= (most or least):
            raise CommandError("--processes is at least 1, and --most not fewer", returncode=2)
        self._watch(Crew(least=least, most=most or least))

    def _watch(self, crew: Crew) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        looked_at = time.monotonic()
        try:
            while not stop.is_set():
                crew.tend()
                if time.monotonic() - looked_at > _LOOK:
                    crew.adapt()
                    looked_at = time.monotonic()
                stop.wait(0.2)
        finally:
            crew.end()

    def _serve(self) -> None:
        """Serve the queue; while Redis is away, wait for it instead of dying."""
        import_attribute(JOB)  # loaded now, so that the first job does not pay for it
        with contextlib.suppress(DatabaseError):
            enlist()  # counted before the first job; a database that is away is the first job's matter
        spare_loaded_code()
        while True:
            try:
                worker = Worker(
                    [django_rq.get_queue(QUEUE)],
                    connection=django_rq.get_connection(QUEUE),
                    serializer=JSONSerializer,
                    name=f"migration-{os.getpid()}-{time.monotonic_ns()}",
                )
                worker.work(with_scheduler=False, logging_level="WARNING")
            except RedisError as error:
                log.warning("worker_waits_for_redis", error=type(error).__name__)
                time.sleep(1)
            else:
                return  # asked to stop
