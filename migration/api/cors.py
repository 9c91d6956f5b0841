"""Cross-origin answers: a page may read what the API says only when an app lists its origin, exactly.

django-cors-headers asks `origin_is_allowed` for each request, from the event loop under ASGI, where nothing may
wait for a database. So the list is a small copy in memory, and `OriginsMiddleware` (before CorsMiddleware) renews it.
A preflight names no app: any app's origin may ask, that of one which is off as well, for its pages are to hear that
it is. The real answer is shown to its own app's origins only.
"""

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from corsheaders.signals import check_request_enabled
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from migration.models import App

KEPT_SECONDS = 5.0
DOUBTED_SECONDS = 1.0
"""An origin that no app lists is looked for again after this time: an operator may just have listed it."""


class KnownOrigins:
    """The origins of all apps, as they were a few seconds ago."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._origins: frozenset[str] = frozenset()
        self._kept_until = self._doubted_until = 0.0

    def __contains__(self, origin: object) -> bool:
        return origin in self._origins

    def is_old(self, origin: str) -> bool:
        """Tell whether the copy should be renewed before `origin` is judged by it."""
        return time.monotonic() >= (self._kept_until if origin in self._origins else self._doubted_until)

    def forget(self) -> None:
        """Make the next request renew the copy."""
        self._origins = frozenset()
        self._kept_until = self._doubted_until = 0.0

    def renew(self, origin: str) -> None:
        """Read the origins anew; without a database the old ones stay.

        Whoever comes meanwhile goes on with the old ones, and waits where there are none yet: a page's second request
        must not be refused because its first one is still looking.
        """
        with self._lock:
            if not self.is_old(origin):
                return
            if self._origins:
                self._keep(KEPT_SECONDS)
            try:
                listed = App.objects.values_list("allowed_origins", flat=True)
                self._origins = frozenset(origin for origins in listed for origin in origins)
                self._keep(KEPT_SECONDS)
            except (DatabaseError, InterfaceError):
                self._keep(DOUBTED_SECONDS)

    def _keep(self, seconds: float) -> None:
        now = time.monotonic()
        self._kept_until, self._doubted_until = now + seconds, now + DOUBTED_SECONDS

    def renew_elsewhere(self, origin: str) -> None:
        """The same from a thread that ends with it: its connection goes back to the pool."""
        try:
            self.renew(origin)
        finally:
            connection.close()


known_origins = KnownOrigins()


class OriginsMiddleware:
    """Keeps the known origins young. Only requests that name an origin wait for it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Stand before `get_response`, which decides whether this is asynchronous."""
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Renew if need be, then go on."""
        if self.is_async:
            return self._call_async(request)
        origin = request.headers.get("Origin")
        if origin is not None and known_origins.is_old(origin):
            known_origins.renew(origin)
        answer: HttpResponseBase = self.get_response(request)
        return answer

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        origin = request.headers.get("Origin")
        if origin is not None and known_origins.is_old(origin):
            await sync_to_async(known_origins.renew_elsewhere, thread_sensitive=False)(origin)
        answer: HttpResponseBase = await self.get_response(request)
        return answer


def origin_is_allowed(*, request: HttpRequest, **_: object) -> bool:
    """Answer django-cors-headers: may this request's origin read the answer?"""
    origin = request.headers.get("Origin")
    if not request.path.startswith("/api/") or origin is None or origin == "null":
        return False
    own = getattr(request, "migration_origins", None)
    return origin in (known_origins if own is None else own)


check_request_enabled.connect(origin_is_allowed, dispatch_uid="migration.api.cors")
