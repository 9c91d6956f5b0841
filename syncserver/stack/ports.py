"""Ports: never assumed to be ours, only ever bound by us first."""

import contextlib
import socket
from pathlib import Path

from syncserver.stack.errors import StackError

LOOPBACK = "127.0.0.1"


class PortTaken(StackError):
    """The port that was asked for belongs to another program."""


def free() -> int:
    """Return a port nobody listens on right now; whoever uses it must check that it got it."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listen(port: int, *, backlog: int = 512) -> socket.socket:
    """Return a listening socket on `port` (0: any); raises PortTaken when somebody else holds it.

    The socket is handed to the server as an open file, so between choosing a port and serving on it there is
    no gap in which a stranger could take it.
    """
    listener = socket.socket()
    # A restarted server must not wait for its predecessor's closed connections to be forgotten.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise PortTaken(f"port {port} is taken by another program ({error.strerror})") from None
    listener.setblocking(False)
    return listener


def listen_near(wishes: tuple[int, ...]) -> socket.socket:
    """Return a listening socket on the first free port of `wishes`, else on any free one."""
    for port in wishes:
        try:
            return listen(port)
        except PortTaken:
            continue
    return listen(0)


class Listener:
    """A port of ours over many lives of its server: bound before each start, given up with the server's death.

    When several servers share it, it stays open as long as the stack wants any of them.
    """

    def __init__(self, wishes: tuple[int, ...], *, exact: bool = False, shared: bool = False) -> None:
        """Bind the first free port of `wishes`, else any; with `exact` raise PortTaken instead."""
        self._socket: socket.socket | None = listen(wishes[0]) if exact else listen_near(wishes)
        self._shared = shared
        self.port = int(self._socket.getsockname()[1])

    def open(self) -> int:
        """The descriptor of the listening socket, bound again if need be; raises PortTaken."""
        if self._socket is None:
            self._socket = listen(self.port)
        return self._socket.fileno()

    def handed_over(self) -> None:
        """The server has it now. Ours is closed: a dead server must be refused, not waited for."""
        if not self._shared:
            self.close()

    def close(self) -> None:
        """Give up our hold on the port."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def remembered(note: Path, *, usual: int, shared: bool) -> Listener:
    """A listener on the port of the last time, else on the usual one, else on any; the choice is noted in `note`.

    Browsers keep localStorage per port: the demo should find its data again.
    """
    before: tuple[int, ...] = ()
    # No note yet, or nonsense in it: then there is nothing to remember.
    with contextlib.suppress(OSError, ValueError):
        before = (int(note.read_text()),)
    listener = Listener((*before, usual), shared=shared)
    note.write_text(str(listener.port))
    return listener
