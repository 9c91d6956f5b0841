"""The programs of the project itself: web servers, workers, sweeper, and the one-off commands before them."""

import http.client
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from syncserver import parent
from syncserver.stack import ports
from syncserver.stack.errors import StackError
from syncserver.stack.ports import Listener
from syncserver.stack.processes import Command, Program

# Seconds a web server gets to finish what it has begun.
DRAIN = 10
# Requests a WSGI process answers at once.
THREADS = 4
# Seconds a probe waits for an answer: a machine under load is slow, not down.
PROBE = 10.0


class CommandFailed(StackError):
    """A management command did not succeed."""


@dataclass(kw_only=True)
class Project:
    """The checkout at `folder`, run by `python` with `env`; logs go to `logs`."""

    folder: Path
    python: Path
    env: Mapping[str, str]
    logs: Path
    # Whoever answers on our port without this is not ours.
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def manage(self, *words: str, **extra: str) -> str:
        """Run a management command to its end and return what it printed; raises CommandFailed."""
        done = subprocess.run(
            [self.python, "manage.py", *words],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            env={**self.env, parent.SUPERVISED_BY: str(os.getpid()), **extra},
        )
        if done.returncode != 0:
            raise CommandFailed(f"manage.py {words[0]} failed:\n{(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout

    def worker(self, name: str) -> Program:
        """A loading process."""
        return self._managed(name, "migration_worker", part="worker")

    def sweeper(self) -> Program:
        """The process that rings again for work whose bell was lost."""
        return self._managed("sweeper", "migration_sweeper", part="sweeper")

    def daphne(self, name: str, listener: Listener) -> Program:
        """A daphne on the given listener: HTTP and sockets."""
        return self._served(name, listener, lambda fd: ["-m", "syncserver.serve", "--fd", str(fd)])

    def gunicorn(self, name: str, listener: Listener, *, processes: int) -> Program:
        """Gunicorn on the given listener: the API without sockets, at a fraction of the cost."""
        # Threads, because a request may wait seconds for a receipt, and nobody else should wait with it.
        options = ["--workers", str(processes), "--threads", str(THREADS), "--graceful-timeout", str(DRAIN)]
        options += ["--no-control-socket"]
        application = "syncserver.wsgi:application"
        return self._served(
            name, listener, lambda fd: ["-m", "gunicorn", "--bind", f"fd://{fd}", *options, application]
        )

    def _managed(self, name: str, command: str, *, part: str) -> Program:
        return Program(
            name=name,
            log=self.logs / f"{name}.log",
            command=lambda: self._command(name, ["manage.py", command], part=part),
            patience=DRAIN,
        )

    def _served(self, name: str, listener: Listener, arguments: Callable[[int], list[str]]) -> Program:
        def command() -> Command:
            fd = listener.open()
            return self._command(name, arguments(fd), part="web", fds=(fd,))

        return Program(
            name=name,
            log=self.logs / f"{name}.log",
            command=command,
            started=listener.handed_over,
            is_ready=lambda _pid: answers(listener.port, token=self.token),
            patience=DRAIN + 2.0,
        )

    def _command(self, name: str, arguments: list[str], *, part: str, fds: tuple[int, ...] = ()) -> Command:
        return Command(
            argv=[str(self.python), *arguments],
            env={
                **self.env,
                "MIGRATION_PROCESS": part,
                "MIGRATION_READY_TOKEN": self.token,
                "PYTHONUNBUFFERED": "1",
                # Requests run in threads, and glibc keeps an arena of freed memory for each: large chunks pile up.
                "MALLOC_ARENA_MAX": "2",
            },
            cwd=self.folder,
            log=self.logs / f"{name}.log",
            pass_fds=fds,
        )


def answers(port: int, *, token: str) -> bool:
    """Whether the server on `port` is ready and knows our token, as a header or as a member of its JSON."""
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=PROBE)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read(65_536)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return response.status == http.client.OK and token in {*dict(response.getheaders()).values(), *_members(body)}


def _members(body: bytes) -> list[str]:
    try:
        document = json.loads(body)
    except ValueError:
        return []
    return [value for value in document.values() if isinstance(value, str)] if isinstance(document, dict) else []
