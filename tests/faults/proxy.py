"""A TCP proxy between browser and server that cuts, delays and starves connections. Runs in a thread of its own."""

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Weather:
    """What the network is like. Cuts happen once per connection they are armed for."""

    cut_up: list[int]
    """For each coming connection: close it after so many bytes from the browser."""
    cut_down: list[int]
    """For each coming connection: close it after so many bytes from the server."""
    latency: float = 0.0
    """Seconds each direction's data is held back."""
    rate: int = 0
    """Bytes per second in each direction; 0: as fast as it goes."""


class Proxy:
    """Listens on a port of its own and passes bytes on to `url`, as the weather allows."""

    def __init__(self, url: str) -> None:
        self.weather = Weather([], [])
        self.cuts = 0
        self.bytes_up = 0
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def to(self, url: str) -> str:
        """Return `url`, whatever is spoken there, by way of this proxy."""
        parts = urlsplit(url)
        there = f"{parts.hostname}:{parts.port}"
        return parts._replace(netloc=parts.netloc.replace(there, urlsplit(self.url).netloc)).geturl()

    def close(self) -> None:
        """Stop listening and end the thread."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # told to stop; asyncio would report it as an accident
            await self._pass_on(reader, writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up = self.weather.cut_up.pop(0) if self.weather.cut_up else None
        down = self.weather.cut_down.pop(0) if self.weather.cut_down else None
        try:
            server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        pumps = [
            asyncio.ensure_future(self._pump(reader, server_writer, up, counted=True)),
            asyncio.ensure_future(self._pump(server_reader, writer, down, counted=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, server_writer):
                end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: int | None, *, counted: bool
    ) -> None:
        """Pass bytes on until the end, or until `cut` of them have passed."""
        passed = 0
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(self.weather.rate // 10 or 65_536):
                if cut is not None and passed + len(data) >= cut:
                    data = data[: cut - passed]
                if self.weather.rate:
                    await asyncio.sleep(len(data) / self.weather.rate)
                if self.weather.latency:
                    await asyncio.sleep(self.weather.latency)
                writer.write(data)
                await writer.drain()
                passed += len(data)
                self.bytes_up += len(data) if counted else 0
                if passed == cut:
                    self.cuts += 1
                    return
