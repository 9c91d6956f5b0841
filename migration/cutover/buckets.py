"""Which share of the owners somebody belongs to: a number from 0 to 9,999 that never changes. Pure."""

import hashlib
from uuid import UUID

BUCKETS = 10_000


def bucket_of(*, owner_id: UUID, salt: UUID) -> int:
    """Return an owner's bucket. The app's `salt` keeps one and the same user from going first in every app."""
    digest = hashlib.sha256(salt.bytes + owner_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def is_within(bucket: int, percentage: int) -> bool:
    """Tell whether a bucket is served at `percentage` (basis points): raising it never moves anybody back."""
    return bucket < percentage
