"""Files as answers: sent block by block, whichever kind of server asks for the blocks, and closed with the response."""

from collections.abc import AsyncIterator, Iterator
from typing import IO

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.request import Request

BLOCK = 64 * 1024


class Blocks:
    """A file in blocks, closed with the response even when nobody reads it."""

    def __init__(self, file: IO[bytes]) -> None:
        """Take the file over."""
        self._file = file
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(BLOCK):
            yield block


class BlocksAsync:
    """The same for a server with an event loop."""

    def __init__(self, file: IO[bytes]) -> None:
        """Take the file over."""
        self._blocks = Blocks(file)
        self.close = file.close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for block in self._blocks:
            yield block


def send_file(
    request: Request, file: IO[bytes], *, content_type: str, headers: dict[str, str] | None = None
) -> StreamingHttpResponse:
    """Return the answer that sends `file` and closes it. It holds user data, so nothing in between may keep it."""
    # Each server can only wait for its own kind; the other would be read into memory whole.
    of_asgi = isinstance(request._request, ASGIRequest)  # noqa: SLF001 - the only way to ask
    blocks = BlocksAsync(file) if of_asgi else Blocks(file)
    return StreamingHttpResponse(
        blocks, content_type=content_type, headers={"Cache-Control": "no-store", **(headers or {})}
    )
