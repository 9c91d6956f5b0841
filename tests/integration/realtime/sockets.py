"""A page's end of a socket, for tests inside one process."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.utils import timezone

from migration.lifecycle import issue_ticket
from migration.models import MigrationRun
from migration.realtime.routing import websocket_urlpatterns

ORIGIN = "https://app.example.com"
APPLICATION = URLRouter(websocket_urlpatterns)
PROTOCOL = "migration.v1"


def in_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine as a test and leave no connection of the channel layer behind."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def whole() -> None:
            try:
                await test(*args, **kwargs)
            finally:
                await get_channel_layer().flush()

        async_to_sync(whole)()

    return run


async def ticket_for(run: MigrationRun, *, whole_owner: bool = False, staff: bool = False) -> str:
    """Return a ticket for the run, or for all of its owner."""
    return await sync_to_async(issue_ticket)(
        owner_id=run.owner_id, run_id=None if whole_owner else run.id, at=timezone.now(), staff=staff
    )


class Page:
    """A page that opens a socket and reads what comes."""

    def __init__(
        self, path: str, ticket: str | None, *, origin: str | None = ORIGIN, host: str = "api.example.com"
    ) -> None:
        headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
        protocols = [PROTOCOL] + ([f"ticket.{ticket}"] if ticket is not None else [])
        self.socket = WebsocketCommunicator(APPLICATION, path, headers=headers, subprotocols=protocols)

    async def open(self) -> "Page":
        accepted, protocol = await self.socket.connect(timeout=5)
        assert accepted
        assert protocol == PROTOCOL
        return self

    async def next(self, within: float = 5) -> dict[str, Any]:
        """Return the next message; a close comes as {"closed": code}."""
        output = await self.socket.receive_output(within)
        if output["type"] == "websocket.close":
            return {"closed": output["code"]}
        return dict(json.loads(output["text"]))

    async def silent(self, seconds: float = 0.3) -> bool:
        return bool(await self.socket.receive_nothing(seconds, 0.02))

    async def say(self, **frame: Any) -> None:
        await self.socket.send_to(**frame)

    async def leave(self) -> None:
        await self.socket.disconnect()
