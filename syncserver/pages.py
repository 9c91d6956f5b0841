"""What only pages need of a request: sessions, forms' tokens, who is signed in, messages, frames.

The API takes bearer tokens and nothing else, so a cookie is neither read nor set there, and none of this is paid for:
it was a tenth of what a small request cost.
"""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.middleware import clickjacking, csrf
from django.utils.deprecation import MiddlewareMixin

API = "/api/"


class PagesOnly(MiddlewareMixin):
    """A middleware that lets requests to the API pass by."""

    def __call__(self, request: HttpRequest) -> Any:
        """Answer as the middleware does, or as if it were not there."""
        if request.path_info.startswith(API):
            return self.get_response(request)
        return super().__call__(request)


class SessionMiddleware(PagesOnly, sessions.SessionMiddleware):
    """Django's, for pages."""


class CsrfViewMiddleware(PagesOnly, csrf.CsrfViewMiddleware):
    """Django's, for pages; views of the API are exempt, which `process_view` finds out."""


class AuthenticationMiddleware(PagesOnly, auth.AuthenticationMiddleware):
    """Django's, for pages."""


class MessageMiddleware(PagesOnly, messages.MessageMiddleware):
    """Django's, for pages."""


class XFrameOptionsMiddleware(PagesOnly, clickjacking.XFrameOptionsMiddleware):
    """Django's, for pages."""
