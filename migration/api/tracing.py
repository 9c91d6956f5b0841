"""Which request a line of the log belongs to: an id on every line and on the answer.

A proxy's `X-Request-ID` is taken over where it has the form of one; anything else could forge lines of a log.
"""

import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bound_contextvars

HEADER = "X-Request-ID"
SLOW_SECONDS = 1.0
"""A request that took longer is worth a line of its own (long polls ask for it and are not counted)."""

_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
log = structlog.get_logger(__name__)


class RequestIdMiddleware:
    """Binds the request's id to all that is logged on its behalf, and tells it to the caller."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Stand before `get_response`, which decides whether this is asynchronous."""
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Name the request, answer it, and tell the name."""
        if self.is_async:
            return self._call_async(request)
        began = time.monotonic()
        with bound_contextvars(request=request_id(request)):
            return _told(request, self.get_response(request), began)

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        with bound_contextvars(request=request_id(request)):
            return _told(request, await self.get_response(request), began)


def request_id(request: HttpRequest) -> str:
    """Return the id the request came with, or a new one; the same one however often it is asked for."""
    known: str | None = getattr(request, "migration_request_id", None)
    if known is None:
        given = request.headers.get(HEADER, "")
        known = given if _FORM.fullmatch(given) else uuid.uuid4().hex
        request.migration_request_id = known  # type: ignore[attr-defined] # Django's own way to hang things on a request
    return known


def _told(request: HttpRequest, answer: HttpResponseBase, began: float) -> HttpResponseBase:
    answer.headers[HEADER] = request_id(request)
    took = time.monotonic() - began
    waited_on_purpose = "wait" in request.GET
    if answer.status_code >= 500 or (took > SLOW_SECONDS and not waited_on_purpose):
        route = getattr(request.resolver_match, "route", None)
        log.warning(
            "request", method=request.method, route=route, status=answer.status_code, milliseconds=int(took * 1000)
        )
    return answer
