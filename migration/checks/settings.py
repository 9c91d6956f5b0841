"""Dangers in the settings, looked for only with `--deploy`: on a developer's machine most of them are meant."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register

from migration.checks import dangers
from migration.checks.dangers import Danger
from migration.config import setting

LOOPBACK = {"", "localhost", "127.0.0.1", "::1"}
LONGEST_LIVES = {"TOKEN_SECONDS": 900, "TOKEN_SKEW_SECONDS": 120, "TICKET_SECONDS": 120}
FEWEST_DIFFERENT_BYTES = 16
"""Of the 32 of a key; a random one nearly always has 25 or more."""
PER_DAY_AND_KEPT = ("BYTES_PER_DAY", "ENTRIES_PER_DAY", "RUNS_PER_DAY", "STORED_BYTES")


@register(Tags.security, deploy=True)
def look_at_settings(*_: object, **__: Any) -> list[CheckMessage]:
    """Tell of every dangerous setting."""
    return [danger.told() for danger, is_there in LOOKS if is_there()]


def _no_keys() -> bool:
    return not settings.MIGRATION.get("ENCRYPTION_KEYS", "").strip(",")


def _weak_key() -> bool:
    return any(_is_weak(key) for key in settings.MIGRATION.get("ENCRYPTION_KEYS", "").split(",") if key)


def _is_weak(key: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(key)
    except (binascii.Error, ValueError):
        return True
    return len(raw) != 32 or len(set(raw)) < FEWEST_DIFFERENT_BYTES


def _open_cors() -> bool:
    wide = ("ALLOW_ALL_ORIGINS", "ORIGIN_ALLOW_ALL", "ALLOWED_ORIGINS", "ALLOWED_ORIGIN_REGEXES", "ALLOW_CREDENTIALS")
    if any(getattr(settings, f"CORS_{name}", None) for name in wide):
        return True
    return not str(getattr(settings, "CORS_URLS_REGEX", "^.*$")).startswith("^/api/")


def _long_tokens() -> bool:
    return any(setting(name) > longest for name, longest in LONGEST_LIVES.items())


def _open_redis() -> bool:
    parts = urlsplit(settings.REDIS_URL)
    return not _is_here(parts.hostname) and not (parts.scheme == "rediss" and parts.password)


def _plain_postgres() -> bool:
    given = settings.DATABASES["default"]
    mode = given.get("OPTIONS", {}).get("sslmode", "")
    here = _is_here(given.get("HOST")) or str(given.get("HOST")).startswith("/")
    return not here and mode not in {"verify-full", "verify-ca"}


def _is_here(host: str | None) -> bool:
    return (host or "") in LOOPBACK


def _forked_pool() -> bool:
    return bool(settings.DATABASES["default"].get("OPTIONS", {}).get("pool")) and settings.PROCESS != "web"


def _no_limits() -> bool:
    names = ("REQUESTS_PER_MINUTE", "GUEST_REQUESTS_PER_MINUTE", "ADDRESS_REQUESTS_PER_MINUTE")
    return not all(setting(name) > 0 for name in (*names, "ADDRESS_REFUSALS_PER_MINUTE", "GUEST_SESSIONS_PER_MINUTE"))


def _wide_guests() -> bool:
    return any(wider(setting(f"GUEST_{name}"), setting(f"ACCOUNT_{name}")) for name in PER_DAY_AND_KEPT)


def wider(guests: int, accounts: int) -> bool:
    """Tell whether guests have more than accounts, or no limit at all (0)."""
    return not guests or (bool(accounts) and guests > accounts)


def _proxy_unknown() -> bool:
    return bool(getattr(settings, "SECURE_PROXY_SSL_HEADER", None)) and not setting("TRUSTED_PROXIES")


def _proxy_believed() -> bool:
    return not getattr(settings, "SECURE_PROXY_SSL_HEADER", None) and bool(setting("TRUSTED_PROXIES"))


def _logged_statements() -> bool:
    loggers = settings.LOGGING.get("loggers", {})
    level = loggers.get("django.db.backends", {}).get("level") or loggers.get("django", {}).get("level", "")
    return str(level).upper() == "DEBUG" or (settings.LOGGING.get("root", {}).get("level") == "DEBUG" and not level)


def _open_cookies() -> bool:
    sites = {str(settings.SESSION_COOKIE_SAMESITE).lower(), str(settings.CSRF_COOKIE_SAMESITE).lower()}
    return not settings.SESSION_COOKIE_HTTPONLY or not sites <= {"lax", "strict"}


def _pickled_jobs() -> bool:
    serializers = {queue.get("SERIALIZER", "") for queue in settings.RQ_QUEUES.values()}
    return not all("JSON" in str(one) for one in serializers)


LOOKS: Iterable[tuple[Danger, Callable[[], bool]]] = (
    (dangers.FAULTS, lambda: bool(setting("FAULTS"))),
    (dangers.NO_KEYS, _no_keys),
    (dangers.WEAK_KEY, _weak_key),
    (dangers.MADE_UP_SECRET, lambda: bool(getattr(settings, "SECRET_KEY_IS_MADE_UP", False))),
    (dangers.EVERY_HOST, lambda: any(host.strip(".") in {"*", ""} for host in settings.ALLOWED_HOSTS)),
    (dangers.OPEN_CORS, _open_cors),
    (dangers.LONG_TOKENS, _long_tokens),
    (dangers.OPEN_REDIS, _open_redis),
    (dangers.PLAIN_POSTGRES, _plain_postgres),
    (dangers.FORKED_POOL, _forked_pool),
    (dangers.NO_LIMITS, _no_limits),
    (dangers.WIDE_GUESTS, _wide_guests),
    (dangers.PROXY_UNKNOWN, _proxy_unknown),
    (dangers.PROXY_BELIEVED, _proxy_believed),
    (dangers.LOGGED_STATEMENTS, _logged_statements),
    (dangers.OPEN_COOKIES, _open_cookies),
    (dangers.PICKLED_JOBS, _pickled_jobs),
)
"""Each danger, and the question whether it is there."""
