"""Reads settings out of environment variables; every function names the variable it failed on."""

import os
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def text(name: str, default: str = "") -> str:
    """The variable as it stands, or `default` when it is unset or empty."""
    return os.environ.get(name) or default


def flag(name: str, *, default: bool) -> bool:
    """A yes or no; raises ImproperlyConfigured for any other word, so that a typo never means "no"."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    word = raw.strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise ImproperlyConfigured(f"{name} must be one of 1, 0, true, false, yes, no, on, off")


def choice(name: str, choices: tuple[str, ...], *, default: str) -> str:
    """One of a few words; raises ImproperlyConfigured for any other."""
    word = text(name, default).strip().lower()
    if word not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}")
    return word


def number(name: str, default: int) -> int:
    """A whole number; raises ImproperlyConfigured when the variable holds anything else."""
    raw = text(name, str(default))
    try:
        return int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number") from None


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list without its empty members."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(url: str) -> dict[str, Any]:
    """One entry of DATABASES from a `postgresql://` address; query members become libpq options.

    Raises ImproperlyConfigured for any other scheme: the loading path speaks Postgres' own COPY.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    # A socket folder cannot stand in the host part of an address; libpq takes it as ?host=.
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or options.pop("user", "")),
        "PASSWORD": unquote(parts.password or options.pop("password", "")),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


def with_query(url: str, **members: float) -> str:
    """`url` with query members added, except those it already has: the operator's word stands."""
    given = dict(parse_qsl(urlsplit(url).query))
    extra = "&".join(f"{name}={value}" for name, value in members.items() if name not in given)
    if not extra:
        return url
    return f"{url}{'&' if given else '?'}{extra}"
