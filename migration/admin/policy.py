"""The content security policy of the admin's pages."""

from collections.abc import Callable

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

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


class ContentPolicyMiddleware:
    """Sends the policy with every page under the admin's address that has none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        rules = _THEMED if apps.is_installed("unfold") else _STRICT
        self._policy = "; ".join(f"{name} {value}" for name, value in rules.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the policy where it belongs."""
        response = self._get_response(request)
        if request.path.startswith(reverse("admin:index")):
            response.headers.setdefault("Content-Security-Policy", self._policy)
        return response
