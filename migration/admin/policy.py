"""The content security policy of the admin's pages."""

from collections.abc import Callable
from functools import cache
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.apps import apps
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware

_STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
# The theme's Alpine turns its attributes into functions (`unsafe-eval`), and its pages style elements inline. No
# script in a page or attribute ever runs under either.
_THEMED = {**_STRICT, "script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}


@cache
def _index() -> str:
    """Return the admin's address. Finding it costs more than the rest of what is done here to each request."""
    return reverse("admin:index")


@sync_and_async_middleware
def content_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Send the policy with every page under the admin's address that has none of its own.

    A middleware for both kinds of servers: one that can only wait would make daphne hand every request from thread to
    loop to thread.
    """
    rules = _THEMED if apps.is_installed("unfold") else _STRICT
    policy = "; ".join(f"{name} {value}" for name, value in rules.items())

    def told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path.startswith(_index()):
            response.headers.setdefault("Content-Security-Policy", policy)
        return response

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return told(request, await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return told(request, get_response(request))

    return answer
