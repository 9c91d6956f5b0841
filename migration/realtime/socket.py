"""What both sockets share: being let in, pings, spacing, and looking for oneself when no message comes."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from redis.exceptions import RedisError

from migration.config import setting
from migration.lifecycle import Ticket
from migration.realtime.limits import LONGEST_FRAME, Allowance
from migration.realtime.origins import is_own_origin, origin_allowed
from migration.realtime.pacing import Event, Pacer
from migration.realtime.reading import use_ticket
from migration.realtime.threads import in_thread

PROTOCOL = "migration.v1"
TICKET = "ticket."
BAD_TICKET, BAD_ORIGIN, NOT_FOUND = 4401, 4403, 4404
NOT_TEXT, POLICY, TOO_BIG, TRY_LATER = 1003, 1008, 1009, 1013
PINGS = {"ping", '{"type":"ping"}'}

FIRST_LOOK = 1.0
"""Seconds until a socket first looks for itself: joining a group is not acknowledged, a message may pass by."""
NEXT_LOOK = 5.0
"""Seconds of silence after which it looks again: Redis may be away, Postgres is the truth."""
IDLE_LOOK = 30.0
"""The same while nothing is at work."""

log = structlog.get_logger(__name__)


class Socket(AsyncWebsocketConsumer, ABC):
    """A socket that shows runs. Subclasses say which groups it joins, what it sends first, and what it looks at."""

    permit: Ticket

    @abstractmethod
    async def admitted(self) -> bool:
        """Tell whether the ticket permits what the address asks for."""

    @abstractmethod
    def groups_to_join(self) -> Iterable[str]:
        """Return the names of the groups whose events this socket shows."""

    @abstractmethod
    async def send_snapshot(self) -> bool:
        """Read and send the first message; False when what it is about is gone."""

    @abstractmethod
    async def look(self) -> float:
        """Read Postgres, send what is news, and return the seconds until the next look."""

    # --- being let in ---------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Accept, then judge: only an accepted socket can tell a page by its close code why it was refused."""
        self.pacers: dict[str, Pacer] = {}
        self.joined: list[str] = []
        self.allowance = Allowance(seen_at=time.monotonic())
        self.heard_at = time.monotonic()
        self.watcher: asyncio.Task[None] | None = None
        self.flusher: asyncio.Task[None] | None = None
        self.sending = asyncio.Lock()
        if PROTOCOL not in self.scope["subprotocols"]:
            await self.close()
            return
        await self.accept(PROTOCOL)
        try:
            refusal = await self._judge() or await self._begin()
        except DatabaseError as error:
            log.warning("socket_without_database", error=type(error).__name__)
            refusal = TRY_LATER
        if refusal:
            await self.close(refusal)

    async def _judge(self) -> int | None:
        offered = [word for word in self.scope["subprotocols"] if word.startswith(TICKET)]
        permit = await in_thread(use_ticket)(offered[0].removeprefix(TICKET)) if offered else None
        if permit is None:
            return BAD_TICKET
        self.permit = permit
        if not self._origin_fits(permit):
            return BAD_ORIGIN
        return None if await self.admitted() else NOT_FOUND

    def _origin_fits(self, permit: Ticket) -> bool:
        origin, host = self._header(b"origin"), self._header(b"host")
        if permit.staff:
            return is_own_origin(origin, host=host)
        return origin_allowed(origin, allowed=permit.allowed_origins)

    def _header(self, name: bytes) -> str | None:
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == name), None)

    async def _begin(self) -> int | None:
        # First join, then read: what happens in between arrives as an event whose number is not higher.
        await self._join()
        if not await self.send_snapshot():
            return NOT_FOUND
        self.watcher = asyncio.create_task(self._watch())
        return None

    async def _join(self) -> None:
        for group in self.groups_to_join():
            self.joined.append(group)
            joining = asyncio.ensure_future(self.channel_layer.group_add(group, self.channel_name))
            joining.add_done_callback(_note_failure)
            # Never cancelled: all sockets of the process share the connection it writes to. A socket that joins
            # late, or not at all, still looks for itself.
            await asyncio.wait({joining}, timeout=setting("REDIS_TIMEOUT"))

    async def disconnect(self, code: int) -> None:
        """Leave the groups and end what runs beside."""
        for task in (self.watcher, self.flusher):
            if task is not None:
                task.cancel()
        for group in self.joined:
            with contextlib.suppress(RedisError, OSError):
                await self.channel_layer.group_discard(group, self.channel_name)

    # --- what clients send ----------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer a ping; close on anything else."""
        if bytes_data is not None or text_data is None:
            await self.close(NOT_TEXT)
        elif len(text_data) > LONGEST_FRAME:
            await self.close(TOO_BIG)
        elif not self.allowance.take(now=time.monotonic()) or text_data not in PINGS:
            await self.close(POLICY)
        else:
            await self.send('{"type":"pong"}')

    # --- what they are told ---------------------------------------------------------------------------------

    async def run_event(self, message: dict[str, Any]) -> None:
        """Take what `migration.progress` published."""
        self.heard_at = time.monotonic()
        await self.tell(message["id"], Event.from_layer(message))

    def pacer(self, run: str | UUID) -> Pacer:
        """Return what this socket remembers of a run."""
        return self.pacers.setdefault(str(run), Pacer(setting("PROGRESS_SECONDS")))

    def seen(self, run: str | UUID, event: Event) -> None:
        """Remember that a snapshot told the client this much."""
        pacer = self.pacer(run)
        pacer.number, pacer.state = event.number, event.state

    async def tell(self, run: str | UUID, event: Event) -> None:
        """Send an event of a run now, or a little later, or not at all when it is no news."""
        async with self.sending:
            ready = self.pacer(run).offer(event, now=time.monotonic())
            if ready is not None:
                await self.send(ready.frame())
        if self.flusher is None and self._wait() is not None:
            self.flusher = asyncio.create_task(self._flush())

    def _wait(self) -> float | None:
        now = time.monotonic()
        waits = [wait for pacer in self.pacers.values() if (wait := pacer.wait(now=now)) is not None]
        return min(waits, default=None)

    async def _flush(self) -> None:
        while (wait := self._wait()) is not None:
            await asyncio.sleep(wait)
            async with self.sending:
                for pacer in self.pacers.values():
                    if ready := pacer.due(now=time.monotonic()):
                        await self.send(ready.frame())
        self.flusher = None

    async def _watch(self) -> None:
        pause = FIRST_LOOK
        while True:
            await asyncio.sleep(pause)
            silence = time.monotonic() - self.heard_at
            if pause != FIRST_LOOK and silence < NEXT_LOOK:
                continue
            try:
                pause = await self.look()
            except DatabaseError as error:
                log.warning("socket_without_database", error=type(error).__name__)
                pause = NEXT_LOOK


def _note_failure(joining: asyncio.Future[None]) -> None:
    if not joining.cancelled() and (error := joining.exception()) is not None:
        log.warning("socket_not_joined", error=type(error).__name__)
