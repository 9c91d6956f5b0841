"""What the database knows of who calls: one question for a token, for a guest without one, or for an app alone."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime

from migration.api import tokens
from migration.asking import Rows, ask
from migration.cutover import HAS_RECEIPT, Requests, requests_of
from migration.errors import Unauthenticated
from migration.models import App
from migration.values.questions import Statement


@dataclass(frozen=True, slots=True)
class Found:
    """What one question tells of a caller: nothing of it verified but the rows themselves."""

    app: App
    requests: Requests
    wrapped: bytes
    owner_id: uuid.UUID | None
    owner_epoch: int
    owner_off: bool | None
    seen_at: datetime | None
    device_id: uuid.UUID | None
    device_seen_at: datetime | None
    has_receipt: bool
    pinned: bool


# An app's row is a new one after each change, whoever makes it: while its place and its transaction are the same, what
# was read of it holds. So it is with the stages of its collections: each change of one raises the app's epoch.
_FOUND = f"""o.id, o.epoch, o.switched_off, o.last_seen_at, d.id, d.last_seen_at,
    {HAS_RECEIPT.format(device="d.id")}, EXISTS (
    SELECT FROM migration_collectionschema c WHERE c.app_id = a.id AND c.pinned IS NOT NULL),
    a.id, a.xmin::text || a.ctid::text"""
_FIND = Statement(f"""
SELECT s.wrapped, {_FOUND}
FROM migration_appsecret s JOIN migration_app a ON a.id = s.app_id
LEFT JOIN migration_owner o ON o.app_id = a.id AND o.kind = 'account' AND o.subject = %(subject)s
LEFT JOIN migration_device d ON d.owner_id = o.id AND d.key = %(device)s::uuid
WHERE s.key_id = %(key)s AND s.revoked_at IS NULL
""")
_FIND_GUEST = Statement(f"""
SELECT ''::bytea, {_FOUND}
FROM migration_owner o JOIN migration_app a ON a.id = o.app_id
LEFT JOIN migration_device d ON d.owner_id = o.id AND d.key = %(device)s::uuid
WHERE o.id = %(owner)s AND o.kind = 'guest'
""")
_FIND_SUBJECT = Statement(f"""
SELECT ''::bytea, {_FOUND}
FROM migration_app a
LEFT JOIN migration_owner o ON o.app_id = a.id AND o.kind = 'guest' AND o.subject = %(subject)s
LEFT JOIN migration_device d ON d.owner_id = o.id AND d.key = %(device)s::uuid
WHERE a.publishable_key = %(key)s
""")
_FIND_APP = Statement("SELECT id, xmin::text || ctid::text FROM migration_app WHERE publishable_key = %(key)s")
_KEPT_SECONDS = 60.0
"""How long an app is remembered at most, should its row ever look the same in another database."""
_MOST_APPS = 1_000
_apps: dict[uuid.UUID, tuple[str, float, App, Requests]] = {}


def find(token: tokens.Unverified, device_key: uuid.UUID | None) -> Found | None:
    """Look up, in one question, the secret the token must be signed with and whom it would speak for."""
    subject = tokens.subject_of(token.claims)
    if token.is_guest:
        return _found(ask(_FIND_GUEST.of({"device": device_key, "owner": _uuid(subject)})))
    return _found(ask(_FIND.of({"subject": subject, "device": device_key, "key": token.key_id})))


def find_guest(publishable_key: str, subject: str, device_key: uuid.UUID | None) -> Found:
    """Look up an app by its publishable key, and the guest of this subject, who may be new. Raises Unauthenticated."""
    given = {"key": _plausible(publishable_key), "subject": subject, "device": device_key}
    found = _found(ask(_FIND_SUBJECT.of(given)))
    if found is None:
        raise Unauthenticated
    return found


def app_named(publishable_key: str) -> tuple[App, Requests]:
    """Return the app a publishable key names, and what is requested of its collections. Raises Unauthenticated."""
    rows = ask(_FIND_APP.of({"key": _plausible(publishable_key)}))
    known = _app(*rows[0]) if rows else None
    if known is None:
        raise Unauthenticated
    return known


def _plausible(publishable_key: str) -> str:
    if not publishable_key.startswith("pk_") or "\x00" in publishable_key or len(publishable_key) > 64:
        raise Unauthenticated
    return publishable_key


def _found(rows: Rows) -> Found | None:
    if not rows:
        return None
    wrapped, *told, app_id, version = rows[0]
    known = _app(app_id, version)
    return None if known is None else Found(*known, wrapped, *told)


def _app(app_id: uuid.UUID, version: str) -> tuple[App, Requests] | None:
    """Return an app as its row of this version says; it is read again only when the row is another one."""
    now = time.monotonic()
    known = _apps.get(app_id)
    if known is not None and known[0] == version and known[1] > now:
        return known[2], known[3]
    app = App.objects.filter(id=app_id).first()
    if app is None:
        return None
    requests = requests_of(app)  # after the app: an epoch never goes with an older stage
    if len(_apps) >= _MOST_APPS:
        _apps.clear()
    _apps[app_id] = version, now + _KEPT_SECONDS, app, requests
    return app, requests


def _uuid(subject: str) -> uuid.UUID:
    try:
        return uuid.UUID(subject)
    except ValueError as error:
        raise Unauthenticated from error
