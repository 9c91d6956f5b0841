"""User tokens: short JWTs an app's backend signs with its secret key, and guests' tokens signed by us.

The algorithm is fixed, keys are found by `kid` among ours alone; `jku`, `x5u` and `jwk` are never looked at.
"""

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeGuard

import jwt
from django.utils import timezone
from jwt.types import Options

from migration.config import encryption_keys, setting, signing_seed
from migration.errors import Unauthenticated
from migration.orchestration.tenancy import key_id_of
from migration.values.envelopes import wrapper

ALGORITHM = "HS256"
AUDIENCE = "syncserver"
GUEST_ISSUER, GUEST_KEY_ID = "syncserver", "guest"
LONGEST_LIFE = 900
LONGEST_TOKEN = 4_096
LONGEST_SUBJECT = 255
LONGEST_KEY_ID = 16
_TIMES = (("iat", None), ("exp", None), ("nbf", 0))


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says of itself before anything is checked: enough to find the key it must be signed with."""

    text: str
    key_id: str
    claims: dict[str, Any]

    @property
    def is_guest(self) -> bool:
        """Whether it claims to be one of ours."""
        return self.key_id == GUEST_KEY_ID


def issue_user_token(
    app_secret: str, user_id: str, *, app_key: str, lifetime: int = LONGEST_LIFE, at: datetime | None = None
) -> str:
    """Return a token that lets one user's browser talk to the server; call it in your backend.

    `app_secret` is a secret key (`sk_…`), `app_key` the publishable key (`pk_…`) it belongs to, `user_id` whatever
    names the user for ever (at most 255 characters). Raises ValueError for a `lifetime` beyond 900 seconds.
    """
    if not 0 < lifetime <= LONGEST_LIFE:
        raise ValueError(f"a token lives at most {LONGEST_LIFE} seconds")
    issued = int((at or timezone.now()).timestamp())
    claims = {"iss": app_key, "aud": AUDIENCE, "sub": str(user_id), "jti": uuid.uuid4().hex}
    times = {"iat": issued, "exp": issued + lifetime}
    return jwt.encode({**claims, **times}, app_secret, ALGORITHM, headers={"kid": key_id_of(app_secret)})


def issue_guest_token(*, owner_id: uuid.UUID, app_key: str, at: datetime) -> tuple[str, int]:
    """Return a guest's token and when it expires, in seconds since 1970."""
    issued = int(at.timestamp())
    expires = issued + int(setting("TOKEN_SECONDS"))
    claims = {"iss": GUEST_ISSUER, "aud": AUDIENCE, "sub": str(owner_id), "app": app_key, "iat": issued, "exp": expires}
    return jwt.encode(claims, guest_key(), ALGORITHM, headers={"kid": GUEST_KEY_ID}), expires


def peek(text: str) -> Unverified:
    """Read a token without believing it. Raises Unauthenticated for anything that is not one of the two kinds."""
    parts = text.split(".")
    if len(text) > LONGEST_TOKEN or len(parts) != 3:
        raise Unauthenticated
    header, claims = _read_part(parts[0]), _read_part(parts[1])
    key_id = header.get("kid")
    if header.get("alg") != ALGORITHM or "crit" in header or not _is_name(key_id):
        raise Unauthenticated
    return Unverified(text, key_id, claims)


def verify(token: Unverified, *, key: bytes, issuer: str, at: datetime) -> str:
    """Return the token's subject once its signature and every claim hold. Raises Unauthenticated."""
    _check_signature(token.text, key)
    _check_times(token.claims, now=at.timestamp())
    if token.claims.get("iss") != issuer or token.claims.get("aud") != AUDIENCE:
        raise Unauthenticated
    return subject_of(token.claims)


@lru_cache(maxsize=4_096)
def _check_signature(text: str, key: bytes) -> None:
    """Hold a token to its key; what held once holds for ever, and a device shows its token again and again.

    Nothing here depends on the time: times are ours to judge, PyJWT reads the clock itself.
    """
    options: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_sub": False}
    try:
        jwt.decode(text, key, algorithms=[ALGORITHM], audience=AUDIENCE, options=options)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Unauthenticated from error


def guest_key() -> bytes:
    """Return the key guests' tokens are signed with."""
    return hmac.new(signing_seed(), b"guest", hashlib.sha256).digest()


def unwrap_secret(wrapped: bytes) -> bytes:
    """Return a stored secret key in the clear."""
    return _unwrapped(wrapped, tuple(encryption_keys()))


@lru_cache(maxsize=256)
def _unwrapped(wrapped: bytes, keys: tuple[str, ...]) -> bytes:
    return wrapper(keys).decrypt(wrapped)


def _read_part(part: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        read = json.loads(raw, object_pairs_hook=_without_duplicates)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise Unauthenticated from error
    if not isinstance(read, dict):
        raise Unauthenticated
    return read


def _is_name(key_id: object) -> TypeGuard[str]:
    return isinstance(key_id, str) and len(key_id) <= LONGEST_KEY_ID and key_id.isascii() and key_id.isprintable()


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two parsers may read a duplicate member differently, so nobody may rely on it."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _check_times(claims: dict[str, Any], *, now: float) -> None:
    issued, expires, begins = (_moment(claims.get(name, default)) for name, default in _TIMES)
    skew, longest = setting("TOKEN_SKEW_SECONDS"), setting("TOKEN_SECONDS")
    if not issued < expires <= issued + longest:
        raise Unauthenticated
    if issued > now + skew or begins > now + skew or expires <= now - skew:
        raise Unauthenticated


def _moment(claim: object) -> int:
    if type(claim) is not int or not 0 <= claim < 2**40:
        raise Unauthenticated
    return claim


def subject_of(claims: dict[str, Any]) -> str:
    """Return whom the claims name. Raises Unauthenticated when that is no name at all."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT or "\x00" in subject:
        raise Unauthenticated
    try:
        subject.encode()
    except UnicodeEncodeError as error:
        raise Unauthenticated from error
    return subject
