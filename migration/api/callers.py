"""Who calls: from a bearer token and a device id to one app, one owner, one device, and the epoch that holds now."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from rest_framework.request import Request

from migration.api import newcomers, tokens
from migration.api.lookups import Found, find
from migration.custody import owner_mark
from migration.cutover import (
    Stages,
    devices_with_receipt,
    requests_of,
    stages_for,
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
    found = find(token, device_key)
    if found is None:
        raise Unauthenticated
    subject = _verified(token, found, at=at)
    admit(found.app, request)
    kind = Owner.Kind.GUEST if token.is_guest else Owner.Kind.ACCOUNT
    owner_id, epoch, is_off = owner_of(found, kind, subject, at=at, anew=anew)
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


def admit(app: App, request: Request) -> None:
    """Let a request to this app in. Raises OriginNotAllowed, AppDisabled."""
    # Read again when the answer leaves: only this app's origins may see what is said to its owners.
    request._request.migration_origins = frozenset(app.allowed_origins)  # type: ignore[attr-defined]  # noqa: SLF001
    origin = request.headers.get("Origin")
    if origin is not None and origin not in app.allowed_origins:
        raise OriginNotAllowed
    if not app.is_active:
        raise AppDisabled


def guest_subject(guest: bytes) -> str:
    """Return the subject under which a guest's random id is kept: its hash, so that a dump names nobody."""
    return to_wire(hashlib.sha256(guest).digest())


def owner_of(
    found: Found, kind: str, subject: str, *, at: datetime, anew: bool = False
) -> tuple[uuid.UUID, Epoch, bool]:
    """Return the owner who was found, or made on first sight, its epoch, and whether it is off.

    Two requests at once make one owner. Raises Erased unless `anew`.
    """
    if found.owner_id is None:
        return _make_owner(found.app, kind, subject, at=at, anew=anew)
    _see(found.owner_id, found.seen_at, at=at)
    return found.owner_id, Epoch(found.app.epoch, found.owner_epoch), bool(found.owner_off)


def _make_owner(app: App, kind: str, subject: str, *, at: datetime, anew: bool) -> tuple[uuid.UUID, Epoch, bool]:
    row = newcomers.make_owner(app_id=app.id, kind=kind, subject=subject, at=at, anew=anew)
    if row is None:  # somebody was faster, or the owner was erased
        with connection.cursor() as cursor:
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


def _verified(token: tokens.Unverified, found: Found, *, at: datetime) -> str:
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


def _device(owner_id: uuid.UUID, key: uuid.UUID, **new: Any) -> uuid.UUID:
    row = newcomers.make_device(owner_id=owner_id, key=key, **new)
    if row is None:  # it was here, somebody was faster, or its owner was erased
        with connection.cursor() as cursor:
            cursor.execute(_DEVICE, [owner_id, key])
            row = cursor.fetchone()
    if row is None:
        raise Erased
    return uuid.UUID(str(row[0]))
