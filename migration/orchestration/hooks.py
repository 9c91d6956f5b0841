"""Hooks that may veto an advance: a Python callable, and a webhook whose body is signed.

Both are an operator's settings. A hook that fails, or does not answer in time, is a veto with that as its reason: who
asked to be heard is not passed over.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
import urllib3
from django.db import connections
from django.utils.module_loading import import_string

from migration.config import setting
from migration.values.visible import visible

TIMESTAMP, SIGNATURE = "Migration-Timestamp", "Migration-Signature"
MOST_BYTES = 16_384
"""Bytes of an answer that are read."""
LONGEST_REASON = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What a hook is asked: may this collection of this app go on to this stage? Percentages in basis points.

    `app` is the publishable key, `collection` empty for the rest, `at` in seconds since 1970; `figures` what it is
    decided on: of a plan its gates.
    """

    app: str
    collection: str
    from_stage: str
    from_percentage: int
    to_stage: str
    to_percentage: int
    actor: str
    reason: str
    figures: dict[str, Any]
    at: float


def are_set() -> bool:
    """Tell whether anybody is to be asked."""
    return bool(setting("ADVANCE_HOOK") or setting("ADVANCE_WEBHOOK"))


def vetoes(question: Question) -> list[str]:
    """Ask the hooks that are set; return their vetoes, each with its reason. None set: none."""
    hooks: list[tuple[str, str, Callable[[str, Question], str | None]]] = [
        ("The hook", setting("ADVANCE_HOOK"), _ask_callable),
        ("The webhook", setting("ADVANCE_WEBHOOK"), _ask_webhook),
    ]
    said = [_in_time(name, partial(ask, where, question)) for name, where, ask in hooks if where]
    return [veto for veto in said if veto is not None]


def signature(body: bytes, *, timestamp: str, secret: str) -> str:
    """Return what a webhook's body is signed with: `v1=` and the hex HMAC-SHA256 of `timestamp.body`."""
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


def _in_time(name: str, ask: Callable[[], str | None]) -> str | None:
    """Return a hook's veto, or that it failed. It is given so long and no longer, whatever it is doing."""
    answer: list[str | None] = []
    thread = threading.Thread(target=_answer, args=(ask, answer), daemon=True)
    thread.start()
    thread.join(setting("ADVANCE_HOOK_SECONDS"))
    said = answer[0] if answer else "it did not answer in time"
    return None if said is None else f"{name} says no: {visible(said, longest=LONGEST_REASON)}"


def _answer(ask: Callable[[], str | None], answer: list[str | None]) -> None:
    try:
        answer.append(ask())
    except Exception as error:  # noqa: BLE001 - whatever a foreign hook raises is its answer
        log.warning("advance_hook_failed", error=type(error).__name__)
        answer.append(f"it failed with {type(error).__name__}")
    finally:
        connections.close_all()


def _ask_callable(path: str, question: Question) -> str | None:
    """Ask a callable: None and True let it go on, False and a text do not."""
    said = import_string(path)(question)
    if said is None or said is True:
        return None
    return said if isinstance(said, str) and said else "it refused without a reason"


def _ask_webhook(url: str, question: Question) -> str | None:
    """Ask a webhook: 200 and `{"allow": true}` lets it go on, anything else does not."""
    if urlsplit(url).scheme not in ("http", "https"):
        return "its address is neither http nor https"
    secret = setting("ADVANCE_WEBHOOK_SECRET")
    if not secret:
        return "MIGRATION_ADVANCE_WEBHOOK_SECRET is not set"
    body, timestamp = json.dumps(asdict(question)).encode(), str(int(question.at))
    told = {
        "Content-Type": "application/json",
        TIMESTAMP: timestamp,
        SIGNATURE: signature(body, timestamp=timestamp, secret=secret),
    }
    with urllib3.PoolManager(retries=False, timeout=setting("ADVANCE_HOOK_SECONDS")) as pool:
        answer = pool.request("POST", url, body=body, headers=told, redirect=False, preload_content=False)
        said = answer.read(MOST_BYTES + 1, decode_content=False)
        answer.close()
    if answer.status != 200:
        return f"it answered {answer.status}"
    return _read(said)


def _read(said: bytes) -> str | None:
    if len(said) > MOST_BYTES:
        return "its answer is too long"
    try:
        told: Any = json.loads(said)
    except (ValueError, RecursionError):
        return "its answer is not JSON"
    if isinstance(told, dict) and told.get("allow") is True:
        return None
    reason = told.get("reason") if isinstance(told, dict) else None
    return reason if isinstance(reason, str) and reason else "it refused without a reason"
