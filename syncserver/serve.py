"""Daphne, taught to finish what it has begun: `python -m syncserver.serve --fd N` (or daphne's other options).

Daphne itself cancels running requests when it is told to stop. This server first closes its door and its sockets
(code 1012, "service restart": clients come back at once), then gives running requests time to end.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, cast

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


class DrainingServer(Server):  # type: ignore[misc]  # daphne publishes no types
    """Daphne's server with a graceful end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, request_buffer_size=BODY_BUFFER, **kwargs)
        self.doors: list[Any] = []

    def listen_success(self, port: Any) -> None:
        """Called by daphne for each port that listens; it keeps none of them."""
        super().listen_success(port)
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
