"""Addresses of the sockets."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path, re_path

from migration.realtime.owners import OwnerSocket
from migration.realtime.runs import RunSocket


class Nowhere(AsyncWebsocketConsumer):
    """Refuses a socket at any other address; without it each would leave a traceback in the log."""

    async def connect(self) -> None:
        """Refuse the handshake."""
        await self.close()


_ROUTES: list[tuple[str, Any]] = [
    ("ws/v1/runs/<uuid:run_id>", RunSocket.as_asgi()),
    ("ws/v1/owner", OwnerSocket.as_asgi()),
]
websocket_urlpatterns = [*(path(route, socket) for route, socket in _ROUTES), re_path("", Nowhere.as_asgi())]  # type: ignore[arg-type]
