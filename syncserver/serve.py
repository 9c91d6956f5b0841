"""Daphne, taught to finish what it has begun: `python -m syncserver.serve --fd N` (or daphne's other options).

Daphne itself cancels running requests when it is told to stop. This server first closes its door and its sockets
(code 1012, "service restart": clients come back at once), then gives running requests time to end.
"""

import asyncio
import sys
from typing import Any

from daphne.cli import CommandLineInterface
from daphne.server import Server
from twisted.internet import defer

# Seconds running requests get; the supervisor waits a little longer before it ends the process.
DRAIN = 10.0
SERVICE_RESTART = 1012
# Bytes of a body handed to the application at once. Daphne's own 8 KiB makes 128 messages of one chunk.
BODY_BUFFER = 1_048_576


class DrainingServer(Server):  # type: ignore[misc] - daphne publishes no types
    """Daphne's server with a graceful end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, request_buffer_size=BODY_BUFFER, **kwargs)

    def kill_all_applications(self) -> defer.Deferred[None]:
        """Called by daphne before its event loop ends, which waits for the result."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        for listener in self.listeners:
            listener.addCallback(lambda port: port.stopListening())
        for protocol in list(self.connections):
            if hasattr(protocol, "serverClose"):
                protocol.sendClose(code=SERVICE_RESTART)
        running = self._running()
        if running:
            await asyncio.wait(running, timeout=DRAIN)
        for application in self._running():
            application.cancel()

    def _running(self) -> list[asyncio.Future[Any]]:
        found = (details.get("application_instance") for details in self.connections.values())
        return [application for application in found if application is not None and not application.done()]


class Serve(CommandLineInterface):  # type: ignore[misc] - daphne publishes no types
    """Daphne's command line with our server behind it."""

    server_class = DrainingServer


if __name__ == "__main__":
    # No access log: an address may carry a key of a user's.
    Serve().run([*sys.argv[1:], "-v", "0", "--no-server-name", "syncserver.asgi:application"])
