"""Who calls: from a bearer token and a device id to one app, one owner, one device, and the epoch that holds now."""

import hashlib
import time
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from rest_framework.request import Request

from migration import asking
from migration.api import newcomers, tokens
from migration.custody import owner_mark
from migration.cutover import (
    HAS_RECEIPT,
    Requests,
    Stages,
    devices_with_receipt,
    requests_of,
    stages_for,
    stages_of_nobody,
)
from migration.errors import (
    AppDisabled,
    BodyInvalid,
    Erased,
    GuestsNotAllowed,
    NotFound,
    OriginNotAllowed,
    Unauthenticated,
)
from migration.models import App, Device, Owner
from migration.orchestration.intake import Sender
from migration.values.digests import to_wire
from migration.values.epochs import Epoch
from migration.values.questions import Statement

_SEEN_AFTER = 3_600
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request: whose it is and which epoch holds for it."""

    app: App
    owner_id: uuid.UUID
    device_id: uuid.UUID | None
    epoch: Epoch
    fence: int | None
    is_guest: bool
    stages: Stages
    pinned: bool = True
    """Whether the app may have pinned a schema."""

    @property
    def actor(self) -> str:
        """Return the caller as audit lines have it."""
        return f"{Owner.Kind.GUEST if self.is_guest else Owner.Kind.ACCOUNT}:{self.owner_id}"

    def sender(self) -> Sender:
        """Return the caller as one who writes. Raises BodyInvalid when the request names no device."""
        if self.device_id is None:
            raise BodyInvalid("The header Migration-Device is missing.", header="Migration-Device")
        return Sender(self.app, self.owner_id, self.device_id, self.epoch, self.fence, self.is_guest, self.pinned)


def identify(request: Request, *, at: datetime, anew: bool = False) -> Caller:
    """Return the caller. Raises Unauthenticated, AppDisabled, OriginNotAllowed, BodyInvalid.

    Raises Erased for whoever was erased, unless `anew`: that is the choice to begin with nothing.
    """
    token = tokens.peek(_bearer(request))
    device_key = uuid_header(request, "Migration-Device")
    found = _find(token, device_key)
    if found is None:
        raise Unauthenticated
    subject = _verified(token, found, at=at)
    admit(found.app, request)
    kind = Owner.Kind.GUEST if token.is_guest else Owner.Kind.ACCOUNT
    if found.owner_id is None:
        owner_id, epoch, is_off = find_owner(found.app, kind, subject, at=at, anew=anew)
    else:
        owner_id, epoch, is_off = found.owner_id, Epoch(found.app.epoch, found.owner_epoch), bool(found.owner_off)
        _see(owner_id, found.seen_at, at=at)
    device_id = found.device_id
    if device_id is not None:
        _see_device(device_id, found.device_seen_at, at=at)
    elif device_key is not None:
        mark = owner_mark(app_id=found.app.id, kind=kind, subject=subject)
        new = {"app_id": found.app.id, "mark": mark, "at": at, "anew": anew}
        device_id = _device(owner_id, device_key, user_agent=request.headers.get("User-Agent", ""), **new)
    fence = number_header(request, "Migration-Fence")
    stages = stages_for(requests=found.requests, owner_id=owner_id, owner_off=is_off, has_receipt=found.has_receipt)
    return Caller(found.app, owner_id, device_id, epoch, fence, token.is_guest, stages, found.pinned)


def as_of_now(caller: Caller) -> Caller:
    """Return the caller with the epoch and stages that hold at this moment. Raises NotFound."""
    owner = Owner.objects.filter(id=caller.owner_id).values_list("epoch", "switched_off").first()
    app = App.objects.filter(id=caller.app.id).first()
    if owner is None or app is None:
        raise NotFound("There is no such owner.")
    # The stages are read after the epoch, so that nobody is told an older stage under a newer epoch.
    requests, has_receipt = requests_of(app), caller.device_id in devices_with_receipt(filter(None, [caller.device_id]))
    stages = stages_for(requests=requests, owner_id=caller.owner_id, owner_off=owner[1], has_receipt=has_receipt)
    return replace(caller, app=app, epoch=Epoch(app.epoch, owner[0]), stages=stages)


def stages_told(app: App, owner_id: uuid.UUID | None, device_key: uuid.UUID | None, *, is_off: bool = False) -> Stages:
    """Return the stages for an owner's device that did not come with a token; for nobody where there is no owner."""
    requests, devices = requests_of(app), Device.objects.none()
    if owner_id is None:
        return stages_of_nobody(requests)
    if device_key is not None:
        devices = Device.objects.filter(owner_id=owner_id, key=device_key)
    has_receipt = bool(devices_with_receipt(devices.values_list("id", flat=True)))
    return stages_for(requests=requests, owner_id=owner_id, owner_off=is_off, has_receipt=has_receipt)


def admit(app: App, request: Request) -> None:
    """Let a request to this app in. Raises OriginNotAllowed, AppDisabled."""
    # Read again when the answer leaves: only this app's origins may see what is said to its owners.
    request._request.migration_origins = frozenset(app.allowed_origins)  # type: ignore[attr-defined]  # noqa: SLF001
    origin = request.headers.get("Origin")
    if origin is not None and origin not in app.allowed_origins:
        raise OriginNotAllowed
    if not app.is_active:
        raise AppDisabled


def app_named(publishable_key: str) -> App:
    """Return the app a publishable key names. Raises Unauthenticated."""
    if not publishable_key.startswith("pk_") or "\x00" in publishable_key or len(publishable_key) > 64:
        raise Unauthenticated
    app = App.objects.filter(publishable_key=publishable_key).first()
    if app is None:
        raise Unauthenticated
    return app


def guest_subject(guest: bytes) -> str:
    """Return the subject under which a guest's random id is kept: its hash, so that a dump names nobody."""
    return to_wire(hashlib.sha256(guest).digest())


def find_owner(app: App, kind: str, subject: str, *, at: datetime, anew: bool = False) -> tuple[uuid.UUID, Epoch, bool]:
    """Return an owner, made on first sight, its epoch, and whether it is off. Two requests at once make one owner.

    Raises Erased unless `anew`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OWNER, [app.id, kind, subject])
        row = cursor.fetchone()
        if row is None:
            row = newcomers.make_owner(app_id=app.id, kind=kind, subject=subject, at=at, anew=anew)
        if row is None:  # somebody was faster, or the owner was erased
            cursor.execute(_OWNER, [app.id, kind, subject])
            row = cursor.fetchone()
    if row is None:
        raise Erased
    owner_id, owner_epoch, seen, is_off = row
    _see(owner_id, seen, at=at)
    return owner_id, Epoch(app.epoch, owner_epoch), is_off


def is_gone(owner_id: uuid.UUID) -> bool:
    """Tell whether an owner was erased, or is being erased, since its request came in."""
    return not Owner.objects.filter(id=owner_id).exclude(kind=Owner.Kind.ERASED).exists()


def uuid_header(request: Request, name: str) -> uuid.UUID | None:
    """Return a header that holds a UUID. Raises BodyInvalid."""
    text = request.headers.get(name)
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise BodyInvalid(f"The header {name} is not a UUID.", header=name) from error


def number_header(request: Request, name: str) -> int | None:
    """Return a header that holds a whole number from 0. Raises BodyInvalid."""
    text = request.headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= _MOST):
        raise BodyInvalid(f"The header {name} is not a whole number.", header=name)
    return int(text)


def number_query(request: Request, name: str, default: int) -> int:
    """Return a query parameter that holds a whole number from 0. Raises BodyInvalid."""
    text = request.GET.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= _MOST):
        raise BodyInvalid(f"`{name}` is a whole number, at most {_MOST}.")
    return int(text)


def epoch_header(request: Request) -> Epoch | None:
    """Return the epoch the device was told last. Raises BodyInvalid."""
    text = request.headers.get("Migration-Epoch")
    if text is None:
        return None
    parts = text.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise BodyInvalid("The header Migration-Epoch is not app.owner.", header="Migration-Epoch")
    return Epoch.parse(text)


_OWNER = """
SELECT id, epoch, last_seen_at, switched_off FROM migration_owner WHERE app_id = %s AND kind = %s AND subject = %s
"""
_DEVICE = "SELECT id FROM migration_device WHERE owner_id = %s AND key = %s"


def _bearer(request: Request) -> str:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.isascii():
        raise Unauthenticated
    return str(text.strip())


@dataclass(frozen=True, slots=True)
class _Found:
    """What one question to the database tells of a token: all of it unverified but the rows themselves."""

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
_KEPT_SECONDS = 60.0
"""How long an app is remembered at most, should its row ever look the same in another database."""
_MOST_APPS = 1_000
_apps: dict[uuid.UUID, tuple[str, float, App, Requests]] = {}


def _find(token: tokens.Unverified, device_key: uuid.UUID | None) -> _Found | None:
    """Look up, in one question, the secret the token must be signed with and whom it would speak for."""
    subject = tokens.subject_of(token.claims)
    if token.is_guest:
        rows = asking.ask(_FIND_GUEST.of({"device": device_key, "owner": _uuid(subject)}))
    else:
        rows = asking.ask(_FIND.of({"subject": subject, "device": device_key, "key": token.key_id}))
    if not rows:
        return None
    wrapped, *told, app_id, version = rows[0]
    known = _app(app_id, version)
    return None if known is None else _Found(*known, bytes(wrapped), *told)


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


def _verified(token: tokens.Unverified, found: _Found, *, at: datetime) -> str:
    """Return the token's subject once it holds against the key that was found. Raises Unauthenticated."""
    if not token.is_guest:
        key = tokens.unwrap_secret(found.wrapped)
        return tokens.verify(token, key=key, issuer=found.app.publishable_key, at=at)
    subject = tokens.verify(token, key=tokens.guest_key(), issuer=tokens.GUEST_ISSUER, at=at)
    if not found.app.guests_allowed:
        raise GuestsNotAllowed
    return subject


def _see(owner_id: uuid.UUID, seen_at: datetime | None, *, at: datetime) -> None:
    """Note that the owner was heard of, once an hour."""
    if _long_ago(seen_at, at):
        Owner.objects.filter(id=owner_id).update(last_seen_at=at)


def _see_device(device_id: uuid.UUID, seen_at: datetime | None, *, at: datetime) -> None:
    """Note that the device was heard of, once an hour."""
    if _long_ago(seen_at, at):
        Device.objects.filter(id=device_id).update(last_seen_at=at)


def _long_ago(seen_at: datetime | None, at: datetime) -> bool:
    return seen_at is None or (at - seen_at).total_seconds() > _SEEN_AFTER


def _uuid(subject: str) -> uuid.UUID:
    try:
        return uuid.UUID(subject)
    except ValueError as error:
        raise Unauthenticated from error


def _device(owner_id: uuid.UUID, key: uuid.UUID, **new: Any) -> uuid.UUID:
    row = newcomers.make_device(owner_id=owner_id, key=key, **new)
    if row is None:  # it was here, somebody was faster, or its owner was erased
        with connection.cursor() as cursor:
            cursor.execute(_DEVICE, [owner_id, key])
            row = cursor.fetchone()
    if row is None:
        raise Erased
    return uuid.UUID(str(row[0]))
