"""A real daphne on the test database, as a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent


def test_database_url() -> str:
    """Return the address of the database this test writes to."""
    of = connection.settings_dict
    user, password = quote(of["USER"] or ""), quote(of["PASSWORD"] or "")
    credentials = f"{user}:{password}@" if password else f"{user}@" if user else ""
    host = of["HOST"] or ""
    at, query = (quote(host, safe=""), f"?host={host}") if host.startswith("/") else (host, "")
    return (
        f"postgresql://{credentials}{'' if query else at}{':' + of['PORT'] if of['PORT'] else ''}/{of['NAME']}{query}"
    )


@contextmanager
def daphne(**environment: str) -> Iterator[str]:
    """Start daphne on a free port, wait until it is ready, yield its address, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        env = {
            **os.environ,
            "DATABASE_URL": test_database_url(),
            "SECRET_KEY": settings.SECRET_KEY,
            "MIGRATION_PROCESS": "web",
            **environment,
        }
        command = [sys.executable, "-m", "syncserver.serve", "--fd", str(listening.fileno())]
        with subprocess.Popen(command, cwd=ROOT, env=env, pass_fds=[listening.fileno()]) as process:
            try:
                _wait_until_ready(address, process)
                yield address
            finally:
                process.terminate()
                process.wait(30)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"daphne ended with {process.returncode}")
        try:
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError("daphne was not ready in a minute")
