"""Serves the demo's one page."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

# As strict as a careful app would be: the SDK and its panel have to work under it.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The app's page. Everything it shows, it reads from the browser."""
    response = render(request, "demo/page.html")
    response.headers["Content-Security-Policy"] = policy(request)
    return response


@require_safe
def icon(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view's signature
    """The installation's icon."""
    return HttpResponseRedirect(static("demo/icon.svg"))


def policy(request: HttpRequest) -> str:
    """The page's Content-Security-Policy; sockets are named in full because older engines leave them out of 'self'."""
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    rules = {**POLICY, "connect-src": f"'self' {socket}"}
    return "; ".join(f"{name} {value}" for name, value in rules.items())
