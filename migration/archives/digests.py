"""Digests of what an archive holds, by collection and bucket, taken in one pass and a fixed amount of memory.

The sorted digest of a run's manifest needs all fingerprints at once. An archive has an order of its own (owner,
namespace, hash of the key), so its digest is a chain in that order: d' = SHA-256(d · owner · fingerprint).
"""

from hashlib import sha256

_START = bytes(32)


class BucketDigests:
    """Chains of fingerprints by collection and bucket. What they have come to can be kept and gone on with."""

    def __init__(self, begun: dict[str, dict[str, str]] | None = None) -> None:
        """Begin, or go on from what `hexes` returned."""
        self._chains: dict[str, list[bytes]] = {}
        for collection, buckets in (begun or {}).items():
            chains = self._chains.setdefault(collection, [_START] * 256)
            for bucket, digest in buckets.items():
                chains[int(bucket, 16)] = bytes.fromhex(digest)

    def add(self, owner: bytes, collection: str, bucket: int, fingerprint: bytes) -> None:
        """Add a record of an owner; records come in the archive's order."""
        chains = self._chains.get(collection)
        if chains is None:
            chains = self._chains[collection] = [_START] * 256
        chains[bucket] = sha256(chains[bucket] + owner + fingerprint).digest()

    def hexes(self) -> dict[str, dict[str, str]]:
        """Return {collection: {bucket: digest}} in hex, empty buckets left out."""
        return {
            collection: {f"{bucket:02x}": one.hex() for bucket, one in enumerate(chains) if one != _START}
            for collection, chains in sorted(self._chains.items())
        }
