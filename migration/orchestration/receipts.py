"""Receipts: the server's signed statement that a manifest is stored and verified.

Signed with Ed25519 under a key derived from the secret key; anybody can check one with the published JWKS.
"""

import hashlib
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from migration.config import signing_seed
from migration.errors import NotMigrated
from migration.values.digests import to_wire

ALGORITHM = "EdDSA"
ISSUER = "syncserver"
_TYPE = "receipt+jwt"


@lru_cache(maxsize=4)
def _key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public_bytes() -> bytes:
    return _key(signing_seed()).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id() -> str:
    """Return the signing key's id: the first 16 characters of the hash of its public half."""
    return to_wire(hashlib.sha256(_public_bytes()).digest())[:16]


def jwks() -> dict[str, Any]:
    """Return the public key as the JWKS of `GET /keys`."""
    key = {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": ALGORITHM,
        "use": "sig",
        "kid": key_id(),
        "x": to_wire(_public_bytes()),
    }
    return {"keys": [key]}


def sign(statement: dict[str, Any]) -> str:
    """Return the statement as a compact JWS."""
    headers = {"kid": key_id(), "typ": _TYPE}
    return jwt.encode(statement, _key(signing_seed()), algorithm=ALGORITHM, headers=headers)


def check(receipt: str) -> dict[str, Any]:
    """Return a receipt's statement. Raises NotMigrated when we did not sign exactly this as a receipt."""
    try:
        decoded = jwt.decode_complete(receipt, _key(signing_seed()).public_key(), algorithms=[ALGORITHM], issuer=ISSUER)
    except jwt.InvalidTokenError as error:
        raise NotMigrated("This is no receipt of this server.") from error
    if decoded["header"].get("typ") != _TYPE:
        raise NotMigrated("This is no receipt of this server.")
    statement: dict[str, Any] = decoded["payload"]
    return statement
