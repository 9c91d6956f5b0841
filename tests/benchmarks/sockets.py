"""How long a page waits to hear of what was committed, while 500 pages listen, each to a run of its own."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
from websockets.asyncio.client import ClientConnection, connect

from tests.benchmarks import workload
from tests.benchmarks.scenes import APP_KEY
from tests.benchmarks.wire import Browser, ReadyRun, ready_run

PROTOCOL = "migration.v1"
PATIENCE = 60.0
_FINISHED = "SELECT id::text, finished_at FROM migration_migrationrun WHERE id = ANY(%s::uuid[])"


class Page:
    """A browser with a small store, a socket at its run, and the moment in which it heard that all is done."""

    def __init__(self, url: str, seed: int) -> None:
        """Open a session and plan the run; nothing is uploaded yet."""
        self.run: ReadyRun = ready_run(workload.snapshot(seed, keys=20))
        self._browser = Browser(url)
        self._headers = {**self._browser.guest(APP_KEY), "Migration-Device": self.run.device, "Migration-Fence": "1"}
        plan = {"id": self.run.id, "purpose": "migrate", "dry_run": False, "options": {}, "manifest": self.run.manifest}
        self._browser.expect({200, 201}, "POST", "/runs", plan, self._headers)
        self._browser.hang_up()
        self.heard = 0.0

    async def listen(self, url: str) -> ClientConnection:
        """Open the socket and read the snapshot it begins with."""
        asked = (self._browser.expect, {201}, "POST", "/tickets", {"run": self.run.id}, self._headers)
        ticket = (await asyncio.to_thread(*asked))["ticket"]
        self._browser.hang_up()
        address = f"ws://{urlsplit(url).netloc}/ws/v1/runs/{self.run.id}"
        protocols: Any = [PROTOCOL, f"ticket.{ticket}"]
        socket = await connect(address, subprotocols=protocols, open_timeout=PATIENCE, ping_interval=None)
        await socket.recv()
        return socket

    async def hear(self, socket: ClientConnection) -> None:
        """Read until the run is completed."""
        while not self.heard:
            told = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
            if told.get("run", {}).get("state") == "completed":
                self.heard = time.time()

    def upload(self) -> None:
        """Send the chunk and the seal."""
        for chunk in self.run.chunks:
            path, headers = f"/runs/{self.run.id}/chunks/{chunk.id}", {**self._headers, **chunk.headers}
            self._browser.expect({200, 201}, "PUT", path, chunk.body, headers)
        self._browser.expect({200}, "POST", f"/runs/{self.run.id}/seal", {"manifest": self.run.manifest}, self._headers)


def measure(url: str, database_url: str, *, pages: int = 500, each: float = 0.05, seed: int = 0) -> list[float]:
    """Let a run end every so many seconds; return how long after its commit each page heard of it, in seconds.

    The clock starts with the time the commit carries, which is that of its beginning: the verification is in it.
    """
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda place: Page(url, seed + place), range(pages)))
    asyncio.run(_listen_and_upload(url, opened, each))
    with psycopg.connect(database_url) as database:
        rows = database.execute(_FINISHED, [[page.run.id for page in opened]]).fetchall()
    finished: dict[str, datetime] = dict(rows)
    return sorted(page.heard - finished[page.run.id].timestamp() for page in opened)


async def _listen_and_upload(url: str, opened: list[Page], each: float) -> None:
    sockets = [await page.listen(url) for page in opened]
    hearing = [asyncio.create_task(page.hear(socket)) for page, socket in zip(opened, sockets, strict=True)]
    uploading = []
    for page in opened:
        uploading.append(asyncio.create_task(asyncio.to_thread(page.upload)))
        await asyncio.sleep(each)
    await asyncio.gather(*uploading, *hearing)
    await asyncio.gather(*(socket.close() for socket in sockets))
