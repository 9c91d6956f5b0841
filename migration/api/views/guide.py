"""The pages that explain error codes."""

from django.http import HttpResponse
from rest_framework.renderers import StaticHTMLRenderer
from rest_framework.request import Request

from migration.api.base import PublicView
from migration.api.guide import error_page, index_page

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The pages are ours and need nothing but their own style."""


class ErrorsView(PublicView):
    """All codes on one page."""

    renderer_classes = [StaticHTMLRenderer]

    def get(self, request: Request) -> HttpResponse:
        """Show them."""
        return _page(index_page())


class ErrorView(PublicView):
    """One code: when it comes, what the SDK does, what to do."""

    renderer_classes = [StaticHTMLRenderer]

    def get(self, request: Request, code: str) -> HttpResponse:
        """Show it."""
        return _page(error_page(code))


def _page(html: str) -> HttpResponse:
    return HttpResponse(html, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "public, max-age=300"})
