"""Daphne, taught two things: `python -m syncserver.serve --fd N` (or daphne's other options).

It writes no faster than a client reads, and it finishes what it has begun.
Daphne itself cancels running requests when it is told to stop. This server first closes its door and its sockets
(code 1012, "service restart": clients come back at once), then gives running requests time to end.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer, reactor

# Seconds running requests get; the supervisor waits a little longer before it ends the process.
DRAIN = 10.0
SERVICE_RESTART = 1012
FLUSH_TICK = 0.01
# The reactor that daphne.server installed on import; its module has no types for that.
WRITERS: Callable[[], list[Any]] = cast("Any", reactor).getWriters
# Bytes of a body handed to the application at once. Daphne's own 8 KiB makes 128 messages of one chunk.
BODY_BUFFER = 1_048_576
# Seconds in which a connection says nothing until it is closed: each that is kept takes 12 KB, and on the day of a
# release thousands come, ask three times and go. Twisted's own minute kept 4,000 of them.
IDLE = 20


class Tap:
    """What Twisted closes while a client does not take what was written to it, and opens again when it does."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    async def opened(self) -> None:
        """Wait until more may be written. What the client has left takes no more and keeps nobody waiting."""
        await self._open.wait()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Called by Twisted: the buffer is full."""
        self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Called by Twisted: the buffer is empty again."""
        self._open.set()

    stopProducing = resumeProducing  # noqa: N815 - Twisted's name


class DrainingServer(Server):  # type: ignore[misc]  # daphne publishes no types
    """Daphne's server with a graceful end, and answers that are written no faster than they are read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, request_buffer_size=BODY_BUFFER, **kwargs)
        self.doors: list[Any] = []
        # Of answers under way that come in parts; forgotten with their requests.
        self.taps: WeakKeyDictionary[Any, Tap] = WeakKeyDictionary()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Called by daphne with each message of an application. Daphne itself would buffer all of a long answer."""
        more = bool(message.get("more_body"))
        if more and protocol not in self.taps:
            self.taps[protocol] = Tap()
            protocol.registerProducer(self.taps[protocol], True)
        tap = self.taps.get(protocol)
        if tap is not None and not more:
            protocol.unregisterProducer()
            del self.taps[protocol]
        await super().handle_reply(protocol, message)
        if tap is not None and more:
            await tap.opened()

    def listen_success(self, port: Any) -> None:
        """Called by daphne for each port that listens; it keeps none of them."""
        super().listen_success(port)
        self.http_factory.timeOut = IDLE
        self.doors.append(port)

    def kill_all_applications(self) -> defer.Deferred[None]:
        """Called by daphne before its event loop ends, which waits for the result."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN
        for door in self.doors:
            door.stopListening()
        for protocol in list(self.connections):
            if isinstance(protocol, WebSocketProtocol):
                # Not sendClose: it refuses every code that is not the application's to give.
                protocol.sendCloseFrame(code=SERVICE_RESTART)
        if running := self._running():
            await asyncio.wait(running, timeout=DRAIN)
        for application in self._running():
            application.cancel()
        # What has been answered must also leave the house.
        while WRITERS() and time.monotonic() < deadline:  # noqa: ASYNC110 - no event says "all written"
            await asyncio.sleep(FLUSH_TICK)

    def _running(self) -> list[asyncio.Future[Any]]:
        found = (details.get("application_instance") for details in self.connections.values())
        return [application for application in found if application is not None and not application.done()]


class Serve(CommandLineInterface):  # type: ignore[misc]  # daphne publishes no types
    """Daphne's command line with our server behind it."""

    server_class = DrainingServer


def serve(application: str, options: list[str]) -> None:
    """Serve `application` ("module:name") until told to stop; `options` are daphne's."""
    # No access log: an address may carry a key of a user's.
    Serve().run([*options, "-v", "0", "--no-server-name", application])


if __name__ == "__main__":
    serve("syncserver.asgi:application", sys.argv[1:])
