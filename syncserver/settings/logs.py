"""Structured logs for structlog and the standard library alike; what users store never gets into them."""

import hashlib
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def _as_if_absent(package: str) -> Iterator[None]:
    """Have imports not find a package while the body runs."""
    modules: dict[str, Any] = sys.modules
    there = modules.get(package)
    modules[package] = None  # so Python writes "not to be found"
    try:
        yield
    finally:
        del modules[package]
        if there is not None:
            modules[package] = there


# It would load rich, for tracebacks we do not have it print: three megabytes of memory in every process.
with _as_if_absent("rich"):
    import structlog

# Names under which user data or a secret could travel into a log call by mistake.
SECRET_FIELDS = frozenset(
    {
        "authorization",
        "body",
        "cookie",
        "entries",
        "entry",
        "line",
        "lines",
        "password",
        "payload",
        "raw",
        "secret",
        "ticket",
        "token",
        "value",
        "values",
    }
)

KEY_FIELDS = frozenset({"collection", "key", "keys"})
"""Names under which keys travel, or their beginnings: people write secrets there, but equal ones must look equal."""


def withhold(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace fields that may hold user data or secrets by the fact that something was there, and keys by hashes."""
    for name in SECRET_FIELDS & event.keys():
        event[name] = "[withheld]"
    for name in KEY_FIELDS & event.keys():
        keys = event[name]
        event[name] = [hashed(key) for key in keys] if isinstance(keys, (list, tuple, set)) else hashed(keys)
    return event


def hashed(key: object) -> str:
    """Return what a log says instead of a key: the first 48 bits of its SHA-256."""
    return "sha256:" + hashlib.sha256(str(key).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say where an exception came from and of what kind it is, but not its words: a database quotes users."""
    found = event.pop("exc_info", None)
    if found:
        error = (
            found[1] if isinstance(found, tuple) else found if isinstance(found, BaseException) else sys.exc_info()[1]
        )
        if error is not None:
            event["error"] = type(error).__name__
            event["frames"] = "".join(traceback.format_tb(error.__traceback__))
    return event


PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    withhold,
]


def configure() -> None:
    """Send structlog through the standard library, so that one handler formats everything."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def settings(*, level: str, as_json: bool) -> dict[str, Any]:
    """Django's LOGGING: one stream on stderr, JSON lines for machines or plain lines for people."""
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    if as_json:
        renderer = structlog.processors.JSONRenderer()
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        final.append(trace)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": PROCESSORS,
                "processors": [*final, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Its own handlers would print every line twice.
            "django": {"level": level, "propagate": True, "handlers": []},
            "django.server": {"level": level, "propagate": True, "handlers": []},
            # What was refused is the caller's affair; what failed is told below with the request's id.
            "django.request": {"level": "ERROR", "propagate": True},
            "rq": {"level": "WARNING", "propagate": True},
            "rq.worker": {"level": "WARNING", "propagate": True},
            # Parameters of statements are user data.
            "django.db.backends": {"level": "INFO", "propagate": True},
        },
    }
