"""A Postgres server of our own: its cluster, its start, its leftovers after a kill."""

import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from syncserver.stack import accounts, engine, ports, processes
from syncserver.stack.errors import StackError
from syncserver.stack.processes import Command, Program

USER = "syncserver"
DATABASE = "syncserver"
# `postmaster.pid` is written line by line: pid, data folder, start time, port, socket folder, address,
# shared memory, status.
PORT_LINE, STATUS_LINE = 3, 7
# Seconds in which a killed server's processes notice that it is gone, before they are ended.
LEFTOVERS_END_WITHIN = 10.0
# Settings that differ from the server's own defaults, each for a reason.
SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    # A socket's name is limited to 107 bytes, and folders of checkouts are longer.
    "unix_socket_directories": "",
    # Web pools, workers, sweeper and the connections of a test run side by side.
    "max_connections": "200",
    "shared_buffers": "256MB",
    # Bulk loading would otherwise force a checkpoint every few seconds.
    "max_wal_size": "2GB",
    # Compiling a plan costs more than any statement of ours runs.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements carry user data; they stay out of the log even when they fail.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class ClusterNotMade(StackError):
    """`initdb` could not make the data folder:"""


@dataclass(kw_only=True)
class Postgres:
    """One cluster below `root` and the server that runs on it. `packages` is where the wheel is installed."""

    root: Path
    packages: Path
    password: str
    log: Path
    port: int = 0
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account = accounts.for_postgres()
        self.engine = engine.find(self.packages, root=self.root, account=self.account)
        # A cluster can only be read by the major version that made it.
        self.home = accounts.home_for(f"postgres-{self.engine.major}", root=self.root, account=self.account)
        self.data = self.home / "data"

    def url(self, database: str = DATABASE) -> str:
        """The address of a database in this cluster."""
        return f"postgresql://{USER}:{quote(self.password)}@{ports.LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster unless it is there, and choose a port; raises ClusterNotMade."""
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self.port = self.port or ports.free()

    def remove(self) -> None:
        """Delete the cluster, wherever it had to lie."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(accounts.outside(self.root), ignore_errors=True)

    def program(self) -> Program:
        """The server as the nursery wants it: a fast shutdown on request."""
        return Program(
            name="postgres",
            log=self.log,
            command=self._command,
            is_ready=self._is_ready,
            # SIGINT: roll back open transactions and shut down cleanly. SIGTERM would wait for every client.
            stop_signal=signal.SIGINT,
            patience=30.0,
        )

    def _command(self) -> Command:
        clear_leftovers(self.data)
        settings = {**SETTINGS, "port": str(self.port), **self.settings}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Command(
            argv=[str(self.engine.programs / "postgres"), "-D", str(self.data), *options],
            env=_environment(),
            cwd=Path("/"),
            log=self.log,
            account=self.account,
            # SIGQUIT: end all backends at once. After a SIGKILL they would live on until they noticed.
            death_signal=signal.SIGQUIT,
        )

    def _is_ready(self, pid: int) -> bool:
        """Whether the server behind our port is the process we started: it says so in its own folder."""
        lines = _pid_file(self.data)
        return (
            len(lines) > STATUS_LINE
            and lines[0] == str(pid)
            and lines[PORT_LINE] == str(self.port)
            and lines[STATUS_LINE].strip() == "ready"
        )

    def _make_cluster(self) -> None:
        # Made aside and renamed, so that an interrupted first start leaves nothing that looks finished.
        making = self.home / "data.making"
        shutil.rmtree(making, ignore_errors=True)
        password = self.home / "password"
        password.write_text(self.password)
        password.chmod(0o600)
        if self.account is not None:
            os.chown(password, self.account.uid, self.account.gid)
        try:
            made = self._initdb(making, password)
        finally:
            password.unlink()
        if made.returncode != 0:
            raise ClusterNotMade(f"{ClusterNotMade.__doc__} {made.stderr.strip()}")
        making.rename(self.data)

    def _initdb(self, data: Path, password: Path) -> subprocess.CompletedProcess[str]:
        account = self.account
        return subprocess.run(
            [
                self.engine.programs / "initdb",
                f"--pgdata={data}",
                f"--username={USER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # The same order of strings on every machine, whatever locales it has.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ],
            check=False,
            capture_output=True,
            text=True,
            env=_environment(),
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def clear_leftovers(data: Path) -> None:
    """Let a new server start on `data` after its predecessor was killed.

    Its processes are waited for, then ended; only then is its pid file removed. All of them, because those that
    have not noticed its death hold the shared memory, which a new server refuses to share. The pid in the file may
    meanwhile belong to a stranger, in which case Postgres itself would refuse to start for ever.
    """
    if not _pid_file(data):
        return
    if not processes.wait_until(lambda: not _serving(data), seconds=LEFTOVERS_END_WITHIN):
        for pid in _serving(data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        processes.wait_until(lambda: not _serving(data), seconds=5)
    # Its own shutdown may have removed it.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _serving(data: Path) -> list[int]:
    """The pids of all Postgres processes that work in `data`."""
    pids = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if _serves(pid, data)]


def _serves(pid: int, data: Path) -> bool:
    """Whether `pid` is a Postgres process whose working folder is `data`; somebody's shell may stand there too."""
    process = Path(f"/proc/{pid}")
    try:
        return (process / "cwd").samefile(data) and (process / "comm").read_text() == "postgres\n"
    except OSError:
        return False


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _environment() -> dict[str, str]:
    """No PG* variable of the caller's may reach a server of ours."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
