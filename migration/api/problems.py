"""Errors on the wire: one table from code to status, one JSON shape, whatever went wrong and wherever."""

import traceback
from typing import Any

import msgspec
import structlog
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions

from migration.api.guide import ADDRESS
from migration.errors import BadInput, MigrationError, Unavailable

log = structlog.get_logger(__name__)

STATUSES: dict[str, int] = {
    "invalid_json": 400,
    "bad_request": 400,
    "unauthenticated": 401,
    "origin_not_allowed": 403,
    "guests_not_allowed": 403,
    "app_disabled": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "stale_epoch": 409,
    "wrong_state": 409,
    "idempotency_mismatch": 409,
    "cannot_roll_back": 409,
    "backup_unreadable": 409,
    "not_migrated": 409,
    "timeline_changed": 409,
    "run_expired": 410,
    "backup_expired": 410,
    "erased": 410,
    "cursor_expired": 410,
    "too_large": 413,
    "inflate_limit": 413,
    "unsupported_media_type": 415,
    "invalid_body": 422,
    "manifest_invalid": 422,
    "manifest_shrinks": 422,
    "checksum_mismatch": 422,
    "encoding_invalid": 422,
    "line_form": 422,
    "entry_count": 422,
    "sensitive_item": 422,
    "fence_superseded": 423,
    "rate_limited": 429,
    "over_quota": 429,
    "internal_error": 500,
    "unavailable": 503,
}
"""Every code the API answers with, and its status."""

# What the frameworks below us raise, and what that is here.
_FROM_FRAMEWORK: dict[type[Exception], str] = {
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.NotFound: "not_found",
    exceptions.ParseError: "invalid_json",
    exceptions.APIException: "bad_request",
    Http404: "not_found",
    BadRequest: "bad_request",
    SuspiciousOperation: "bad_request",
    UnreadablePostError: "bad_request",
}
_SAID = {"not_found": "There is nothing at this address.", "bad_request": "The request is malformed."}


class InvalidJson(BadInput):
    """The body is not JSON, or nested too deeply, or names a member twice."""

    code = "invalid_json"


def json_answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return `data` as JSON. Answers hold user data, so nothing in between may keep them."""
    response = HttpResponse(msgspec.json.encode(data), status=status, content_type="application/json", headers=headers)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def problem(code: str, detail: str, **extras: Any) -> HttpResponse:
    """Return the error shape and where the code is explained; `retry_after` among the extras becomes a header too."""
    response = json_answer({"code": code, "detail": detail, **extras}, status=STATUSES[code])
    response.headers["Link"] = f'<{ADDRESS}/{code}>; rel="help"'
    if code == "unauthenticated":
        response.headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in extras:
        response.headers["Retry-After"] = str(extras["retry_after"])
    return response


def answer_exception(error: Exception, *, where: str) -> HttpResponse:
    """Return the answer to an exception, whatever it is; unknown ones say nothing about themselves."""
    if isinstance(error, MigrationError) and error.code in STATUSES:
        return problem(error.code, error.detail, **error.extras)
    for kind, code in _FROM_FRAMEWORK.items():
        if isinstance(error, kind):
            return problem(code, _SAID.get(code) or str(error))
    if isinstance(error, (OperationalError, InterfaceError)):
        log.warning("database_unavailable", error=type(error).__name__, where=where)
        unavailable = Unavailable("The database cannot be reached right now.", retry_after=2)
        return problem(unavailable.code, unavailable.detail, **unavailable.extras)
    _report(error, where=where)
    return problem("internal_error", "Something went wrong on the server.")


def _report(error: Exception, *, where: str) -> None:
    """Log where it happened but not its message: a database's complaint quotes what users stored."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    cause = type(error.__cause__).__name__ if isinstance(error, DatabaseError) else None
    log.error("internal_error", error=type(error).__name__, cause=cause, where=where, frames=frames)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/livez", "/readyz"))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 404 for pages, ours for the API."""
    if _is_api(request):
        return problem("not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 400 for pages, ours for the API."""
    if _is_api(request):
        return problem("bad_request", "The request is malformed.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 403 for pages, ours for the API."""
    if _is_api(request):
        return problem("origin_not_allowed", "This is not allowed.")
    return defaults.permission_denied(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500 for pages, ours for the API."""
    if _is_api(request):
        return problem("internal_error", "Something went wrong on the server.")
    return defaults.server_error(request)
