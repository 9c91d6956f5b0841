"""Where a record's processor time goes, room by room: an upload's and a restore's, each in one thread of this process.

    python -m tests.benchmarks.rooms [--records 50000]

Every few milliseconds of processor time a signal looks where this process is; what C does is put down to the room that
called it. What Postgres spends is read from its processes.
"""

import argparse
import io
import json
import os
import re
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from syncserver.stack import Stack
from tests.benchmarks import archive, cpu
from tests.benchmarks.scenes import APP_KEY, SHARED_ENV
from tests.benchmarks.wire import Browser, ReadyRun, ready_run
from tests.benchmarks.workload import snapshot

_OURS = re.compile(r"/migration/(\w+?)(?:/|\.py)")
_THEIRS = re.compile(r"/site-packages/(\w+)")
_LEAST = 0.1
"""Microseconds a record below which a room is one of the rest."""

_TICK = 0.001


class Profile:
    """Where the processor was while it was asked to look, and for how long."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.seen: Counter[str] = Counter()
        self.seconds = 0.0

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look while the body runs; a profile that looks within another's body takes its place meanwhile."""
        before = signal.signal(signal.SIGPROF, self._look)
        begun = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, _TICK, _TICK)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before or signal.SIG_DFL)
            self.seconds += time.process_time() - begun

    def _look(self, _number: int, frame: FrameType | None) -> None:
        self.seen[_room(frame.f_code.co_filename) if frame else ""] += 1


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(prog="rooms", description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    records = parser.parse_args().records
    with Stack(env=SHARED_ENV, workers=0, web=None) as stack:
        os.environ.update(stack.project.env, MIGRATION_PROCESS="worker", DJANGO_SETTINGS_MODULE="syncserver.settings")
        import django

        django.setup()
        for name, measure in (("upload", _upload), ("restore", _restore)):
            measure(1_000)  # whoever asks first waits for plans
            meter = cpu.Meter({"postgres": stack.processes["postgres"]})
            with meter.over(records) as spent:
                profiles = measure(records)
            for part, profile in profiles.items():
                _print(f"{name}{part}", profile, records)
            print(f"Postgres: {spent['postgres']:.1f} µs a record\n")


def _upload(records: int) -> dict[str, Profile]:
    """Bring browsers to their receipts, each as one whole; return what the web's part and the worker's cost."""
    browser = _Inside()
    keys = min(records, 12_500)
    runs = [ready_run(snapshot(seed, keys=keys)) for seed in range(max(records // keys, 1))]
    for run in runs:
        headers = browser.guest(APP_KEY)
        with browser.web.looking():
            browser.migrate(run, headers)
    return {", web": browser.web, ", worker": browser.worker}


def _restore(records: int) -> dict[str, Profile]:
    """Restore an archive of so many records, phase by phase instead of side by side."""
    from django.utils import timezone

    from migration.loading import MigrationPipeline
    from migration.models import App
    from migration.orchestration.archiving_restore import RestoreOrder, restore_archive

    profile = Profile()
    app = App.objects.get(publishable_key=APP_KEY)
    with tempfile.TemporaryDirectory() as folder, patch.object(MigrationPipeline, "run", _one_after_another):
        archive.write(SimpleNamespace(id=uuid4()), path := Path(folder) / "archive", records)
        order = RestoreOrder(app.id, path, replaces=False)
        with profile.looking():
            restore_archive(order, actor="benchmark", clock=timezone.now)
    return {"": profile}


def _one_after_another(self: Any, source: Any) -> Iterator[Any]:
    stream = iter(source)
    for phase in self._phases:
        stream = iter(phase(stream))
    return stream


class _Inside(Browser):
    """A browser whose server is this very process; waiting for a receipt is working for it."""

    def __init__(self) -> None:
        from syncserver.wsgi import application

        self._serve, self.web, self.worker = application, Profile(), Profile()

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Hand one request to the application."""
        said = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        place, _, query = f"/api/v1{path}".partition("?")
        environ = {
            **said,
            "REQUEST_METHOD": method,
            "PATH_INFO": place,
            "QUERY_STRING": query,
            "CONTENT_TYPE": headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body or b"")),
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body or b""),
            "wsgi.errors": io.StringIO(),
        }
        status: list[str] = []
        answer = self._serve(environ, lambda line, _headers, _info=None: status.append(line))
        raw = b"".join(answer)
        answer.close()
        return int(status[0].split()[0]), json.loads(raw) if raw else {}

    def _await_receipt(self, run: ReadyRun, headers: dict[str, str]) -> None:
        from django.utils import timezone

        from migration.lifecycle import enlist
        from migration.orchestration import MigrationOrchestrator

        begun = time.process_time()
        with self.worker.looking():
            MigrationOrchestrator().work_until_done(holder=enlist(), clock=timezone.now)
        self.web.seconds -= time.process_time() - begun
        signal.setitimer(signal.ITIMER_PROF, _TICK, _TICK)
        super()._await_receipt(run, headers)


def _print(name: str, profile: Profile, records: int) -> None:
    whole = profile.seconds / records * 1e6
    print(f"{name}: {whole:.1f} µs a record")
    for room, times in profile.seen.most_common():
        if (micro := whole * times / profile.seen.total()) >= _LEAST:
            print(f"  {micro:6.1f}  {room}")


def _room(file: str) -> str:
    for kind, pattern in (("migration.", _OURS), ("", _THEIRS)):
        if found := pattern.search(file):
            return kind + found[1]
    return "Python's own"


if __name__ == "__main__":
    main()
