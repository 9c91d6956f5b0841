"""One child process: how it is started, asked to stop, and tied to the process that started it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syncserver import parent


@dataclass(frozen=True, kw_only=True)
class Account:
    """The operating system's user a process runs as, when it must not be ours."""

    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Command:
    """Everything needed to start a process once."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    account: Account | None = None
    pass_fds: tuple[int, ...] = ()
    # What the kernel sends it when we die.
    death_signal: int = signal.SIGKILL


@dataclass(kw_only=True)
class Program:
    """A process the stack keeps alive: how to start it, how to tell it is ready, how to stop it."""

    name: str
    log: Path
    command: Callable[[], Command]
    # Says whether the process with this pid is the one that answers, and does answer.
    is_ready: Callable[[int], bool] = field(default=lambda _pid: True)
    started: Callable[[], None] = field(default=lambda: None)
    stop_signal: int = signal.SIGTERM
    # Seconds between asking it to stop and ending it.
    patience: float = 10.0


def spawn(command: Command) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, tied to the calling thread's life; raises OSError when it cannot."""
    ours = os.getpid()
    account = command.account

    def between_fork_and_exec() -> None:
        # Last, after the change of user: that change makes the kernel forget the tie.
        parent.tie(ours, by=command.death_signal)

    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return subprocess.Popen(
            command.argv,
            env={**command.env, parent.SUPERVISED_BY: str(ours)},
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=command.pass_fds,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=between_fork_and_exec,  # noqa: PLW1509 - the C library is loaded before the fork
        )


def ask_to_end(process: subprocess.Popen[bytes], *, by: int) -> None:
    """Send the signal that asks `process` to end. Once: many programs take a second one as "at once"."""
    if process.poll() is None:
        process.send_signal(by)
        # A frozen process hears nothing until it goes on.
        process.send_signal(signal.SIGCONT)


def see_end(process: subprocess.Popen[bytes], *, patience: float) -> int:
    """Wait until `process` has ended, end it after `patience` seconds, and return its exit code."""
    try:
        return process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        sweep(process)
        return process.wait()


def sweep(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the session that `process` led."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def tail(log: Path, *, lines: int = 12) -> str:
    """The last lines of a log, for the message that says why a process would not start."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def wait_until(condition: Callable[[], object], *, seconds: float, step: float = 0.05) -> bool:
    """Ask `condition` again and again until it holds or the time is over; returns whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step)
    return True
