"""Who calls: from a bearer token and a device id to one app, one owner, one device, and the epoch that holds now."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from rest_framework.request import Request

from migration.api import tokens
from migration.errors import AppDisabled, BodyInvalid, GuestsNotAllowed, OriginNotAllowed, Unauthenticated
from migration.models import App, AppSecret, Owner
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
    actor: str

    def sender(self) -> Sender:
        """Return the caller as one who writes. Raises BodyInvalid when the request names no device."""
        if self.device_id is None:
            raise BodyInvalid("The header Migration-Device is missing.", header="Migration-Device")
        return Sender(self.app, self.owner_id, self.device_id, self.epoch, self.fence)


def identify(request: Request, *, at: datetime) -> Caller:
    """Return the caller. Raises Unauthenticated, AppDisabled, OriginNotAllowed, BodyInvalid."""
    token = tokens.peek(_bearer(request))
    app, kind, subject = _guest(token, at=at) if token.is_guest else _account(token, at=at)
    admit(app, request)
    device_key = uuid_header(request, "Migration-Device")
    owner, epoch = find_owner(app, kind, subject, at=at)
    device_id = _device(owner, device_key, request, at=at) if device_key else None
    return Caller(app, owner, device_id, epoch, number_header(request, "Migration-Fence"), f"{kind}:{owner}")


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


def find_owner(app: App, kind: str, subject: str, *, at: datetime) -> tuple[uuid.UUID, Epoch]:
    """Return an owner, made on first sight. Two requests at once make one owner."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNER, [app.id, kind, subject])
        row = cursor.fetchone()
        if row is None:
            cursor.execute(_NEW_OWNER, [uuid.uuid4(), app.id, kind, subject, at, at])
            cursor.execute(_OWNER, [app.id, kind, subject])
            row = cursor.fetchone()
    owner_id, owner_epoch, seen = row
    if seen is None or (at - seen).total_seconds() > _SEEN_AFTER:
        Owner.objects.filter(id=owner_id).update(last_seen_at=at)
    return owner_id, Epoch(app.epoch, owner_epoch)


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


def epoch_header(request: Request) -> Epoch | None:
    """Return the epoch the device was told last. Raises BodyInvalid."""
    text = request.headers.get("Migration-Epoch")
    if text is None:
        return None
    parts = text.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise BodyInvalid("The header Migration-Epoch is not app.owner.", header="Migration-Epoch")
    return Epoch.parse(text)


_OWNER = "SELECT id, epoch, last_seen_at FROM migration_owner WHERE app_id = %s AND kind = %s AND subject = %s"
_NEW_OWNER = """
INSERT INTO migration_owner (id, app_id, kind, subject, revision, epoch, created_at, last_seen_at)
VALUES (%s, %s, %s, %s, 0, 1, %s, %s) ON CONFLICT (app_id, kind, subject) DO NOTHING
"""
_DEVICE = "SELECT id FROM migration_device WHERE owner_id = %s AND key = %s"
_NEW_DEVICE = """
INSERT INTO migration_device (id, owner_id, key, fence, user_agent, created_at, last_seen_at)
VALUES (%s, %s, %s, 0, %s, %s, %s) ON CONFLICT (owner_id, key) DO NOTHING
"""


def _bearer(request: Request) -> str:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.isascii():
        raise Unauthenticated
    return str(text.strip())


def _account(token: tokens.Unverified, *, at: datetime) -> tuple[App, str, str]:
    secret = AppSecret.objects.filter(key_id=token.key_id, revoked_at=None).select_related("app").first()
    if secret is None:
        raise Unauthenticated
    key = tokens.unwrap_secret(bytes(secret.wrapped))
    subject = tokens.verify(token, key=key, issuer=secret.app.publishable_key, at=at)
    return secret.app, Owner.Kind.ACCOUNT, subject


def _guest(token: tokens.Unverified, *, at: datetime) -> tuple[App, str, str]:
    subject = tokens.verify(token, key=tokens.guest_key(), issuer=tokens.GUEST_ISSUER, at=at)
    owner_id = _uuid(subject)
    owner = Owner.objects.filter(id=owner_id, kind=Owner.Kind.GUEST).select_related("app").first()
    if owner is None:
        raise Unauthenticated
    if not owner.app.guests_allowed:
        raise GuestsNotAllowed
    return owner.app, Owner.Kind.GUEST, owner.subject


def _uuid(subject: str) -> uuid.UUID:
    try:
        return uuid.UUID(subject)
    except ValueError as error:
        raise Unauthenticated from error


def _device(owner_id: uuid.UUID, key: uuid.UUID, request: Request, *, at: datetime) -> uuid.UUID:
    with connection.cursor() as cursor:
        cursor.execute(_DEVICE, [owner_id, key])
        row = cursor.fetchone()
        if row is None:
            agent = request.headers.get("User-Agent", "")[:255].replace("\x00", "")
            cursor.execute(_NEW_DEVICE, [uuid.uuid4(), owner_id, key, agent, at, at])
            cursor.execute(_DEVICE, [owner_id, key])
            row = cursor.fetchone()
    return uuid.UUID(str(row[0]))
