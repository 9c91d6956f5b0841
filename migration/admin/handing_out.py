"""Files for an operator: sent part by part, whichever kind of server asks for the parts, and closed with the answer.

Each kind of server can only wait for its own kind of iterator; the other is read into memory whole.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from os import SEEK_END
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

PART = 64 * 1024


class _Parts:
    """Parts of one file, for a server that works in threads."""

    def __init__(self, parts: Iterator[bytes], close: Callable[[], None]) -> None:
        self._parts = parts
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._parts


class _PartsAsync:
    """The same for a server with an event loop, which must not wait for Postgres itself."""

    def __init__(self, parts: Iterator[bytes], close: Callable[[], None]) -> None:
        self._parts = parts
        self.close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        following = sync_to_async(lambda: next(self._parts, b""))  # in the request's thread, on its connection
        while part := await following():
            yield part


def hand_out_file(request: HttpRequest, file: IO[bytes], *, name: str, content_type: str) -> StreamingHttpResponse:
    """Return the answer that sends `file` from its beginning under a name, and closes it."""
    size = file.seek(0, SEEK_END)
    file.seek(0)
    answer = _answer(request, iter(lambda: file.read(PART), b""), file.close, name=name, content_type=content_type)
    answer["Content-Length"] = str(size)
    return answer


def hand_out_lines(
    request: HttpRequest, lines: Iterator[bytes], *, name: str, content_type: str
) -> StreamingHttpResponse:
    """Return the answer that sends `lines` under a name, making each when its turn comes."""
    return _answer(request, _gathered(lines), lambda: None, name=name, content_type=content_type)


def _answer(
    request: HttpRequest, parts: Iterator[bytes], close: Callable[[], None], *, name: str, content_type: str
) -> StreamingHttpResponse:
    kind = _PartsAsync if isinstance(request, ASGIRequest) else _Parts
    headers = {"Content-Disposition": content_disposition_header(True, name) or "", "Cache-Control": "no-store"}
    return StreamingHttpResponse(kind(parts, close), content_type=content_type, headers=headers)


def _gathered(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield many short lines as one part."""
    part = bytearray()
    for line in lines:
        part += line
        if len(part) >= PART:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)
