"""Keeps programs alive: one thread starts, watches, restarts and stops them all.

One thread, because the kernel ties a child to the *thread* that forked it: a caller's short-lived thread must
never fork, so every request is handed to the nursery and answered from there.
"""

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncserver.stack import processes
from syncserver.stack.errors import StackError
from syncserver.stack.processes import Program

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 5.0
# A process that lived this long had started properly; its next failure begins a new series.
SETTLED_AFTER = 10.0
TICK = 0.05


class DidNotStart(StackError):
    """A program ended or stayed silent instead of becoming ready."""


@dataclass(kw_only=True)
class Child:
    """A program and what became of it. `auto_restart` may be switched at any time."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = False
    auto_restart: bool = True
    restarts: int = 0
    failures: int = 0
    born: float = 0.0
    retry_at: float = 0.0
    # The last thing that kept it from starting.
    trouble: str = ""

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        """The pid of the running process; raises ProcessLookupError when there is none."""
        if not self.running or self.process is None:
            raise ProcessLookupError(f"{self.name} is not running")
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Nursery:
    """Starts and watches children from one thread; every method may be called from any thread."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.children: dict[str, Child] = {}
        self._say = say
        self._requests: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="nursery", daemon=True)

    def open(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def add(self, program: Program, *, auto_restart: bool = True) -> Child:
        """Take a program into care without starting it."""
        child = Child(program=program, auto_restart=auto_restart)
        self.children[program.name] = child
        return child

    def start(self, name: str, *, ready_within: float) -> None:
        """Start a program unless it runs, and wait until it is ready; raises DidNotStart."""
        self.launch([name])
        self.wait_ready(name, seconds=ready_within)

    def wait_ready(self, name: str, *, seconds: float) -> None:
        """Wait until a started program answers; raises DidNotStart with the end of its log."""
        child = self.children[name]

        def settled() -> bool:
            # Looked up once: it may die, and have a successor, at any moment.
            process = child.process
            if process is None or process.poll() is not None:
                return not child.auto_restart
            return child.program.is_ready(process.pid)

        if not processes.wait_until(settled, seconds=seconds) or not child.running:
            said = processes.tail(child.program.log)
            raise DidNotStart(f"{name} did not become ready: {child.trouble or 'no answer'}\n{said}".rstrip())

    def launch(self, names: list[str]) -> None:
        """Start programs side by side without waiting for them."""
        for name in names:
            self._ask(partial(self._want, self.children[name]))

    def stop(self, name: str) -> None:
        """Ask a program to end, wait until it has, and leave it down."""
        self.stop_all([name])

    def stop_all(self, names: list[str]) -> None:
        """Ask programs to end, all at once; wait until they have, and leave them down."""
        children = [self.children[name] for name in names]
        for child in children:
            self._ask(partial(self._unwant, child))
        for child in children:
            if child.process is not None:
                processes.see_end(child.process, patience=child.program.patience)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a running program; whether it comes back is up to its `auto_restart`.

        A killed process is dead when this returns, so that nobody takes it for its successor.
        """
        process = self.children[name].process
        os.kill(self.children[name].pid, number)
        if number == signal.SIGKILL and process is not None:
            process.wait()

    def close(self) -> None:
        """End the thread, and with it whatever still runs. May be called twice."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    # --- the nursery's own thread -------------------------------------------------------------------------

    def _ask(self, work: Callable[[], Any]) -> Any:
        if self._closing.is_set():
            raise RuntimeError("the stack is closed")
        answer: Future[Any] = Future()
        self._requests.put((work, answer))
        return answer.result()

    def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                work, answer = self._requests.get(timeout=TICK)
            except queue.Empty:
                pass
            else:
                _answer(work, answer)
            for child in list(self.children.values()):
                self._tend(child)

    def _want(self, child: Child) -> None:
        child.wanted, child.failures, child.trouble = True, 0, ""
        if not child.running:
            self._spawn(child)

    def _unwant(self, child: Child) -> None:
        child.wanted = False
        if child.process is not None:
            processes.ask_to_end(child.process, by=child.program.stop_signal)

    def _tend(self, child: Child) -> None:
        if not child.wanted or child.running:
            return
        if child.process is not None:
            self._mourn(child)
        elif child.auto_restart and time.monotonic() >= child.retry_at:
            child.restarts += 1
            self._spawn(child)

    def _mourn(self, child: Child) -> None:
        process = child.process
        assert process is not None  # noqa: S101 - tells the type checker what the caller looked up
        code = process.returncode
        processes.sweep(process)
        child.process = None
        child.trouble = f"it ended with {_ending(code)}"
        self._postpone(child)

    def _postpone(self, child: Child) -> None:
        if time.monotonic() - child.born > SETTLED_AFTER:
            child.failures = 0
        wait = min(FIRST_BACKOFF * 2**child.failures, LONGEST_BACKOFF)
        child.failures += 1
        child.retry_at = time.monotonic() + wait
        if child.auto_restart:
            self._say(f"{child.name}: {child.trouble}; starting it again in {wait:.1f} s")

    def _spawn(self, child: Child) -> None:
        # Its predecessor is dead and has been mourned or stopped; what goes wrong from here on is its own trouble.
        child.born, child.process = time.monotonic(), None
        try:
            child.process = processes.spawn(child.program.command())
            child.program.started()
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is said, and tried again
            child.trouble = str(error) or type(error).__name__
            self._postpone(child)


def _answer(work: Callable[[], Any], answer: Future[Any]) -> None:
    try:
        answer.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it belongs to the caller, who waits for it
        answer.set_exception(error)


def _ending(code: int) -> str:
    """Words for an exit code: `exit code 1` or `signal SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
