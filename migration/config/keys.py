"""Keys from the environment: those that wrap, and the seed of the key that signs receipts."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from django.conf import settings


def _derived(purpose: str) -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), f"syncserver/{purpose}".encode(), hashlib.sha256).digest()


def encryption_keys() -> list[str]:
    """Return the wrapping keys, newest first: `MIGRATION_ENCRYPTION_KEYS`, else one derived from `SECRET_KEY`."""
    keys = [key for key in settings.MIGRATION.get("ENCRYPTION_KEYS", "").split(",") if key]
    return keys or [urlsafe_b64encode(_derived("encryption")).decode()]


def signing_seed() -> bytes:
    """Return the 32-byte seed of the Ed25519 key that signs receipts and the HMAC key of guest tokens."""
    return _derived("signing")


def tombstone_key() -> bytes:
    """Return the HMAC key of the marks that erased owners leave."""
    return _derived("tombstone")


def counter_key() -> bytes:
    """Return the key under which counters in Redis are named, so that no name says whose it is."""
    return _derived("counters")
