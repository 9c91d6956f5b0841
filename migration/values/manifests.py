"""The manifest: what a run intends to move, as counts, bytes and bucket digests per collection.

It is checked for itself here, before anything arrives; whether what arrives agrees with it is verification's
question. Its digest (the receipt names it) is SHA-256 of its JSON with sorted members and no white space.
"""

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from migration.errors import ManifestInvalid, ManifestShrinks
from migration.values.collections import PatternsInvalid, compile_labels

MAX_COLLECTIONS, MAX_BUCKETS = 200, 256

# Nothing a browser holds comes near this; it keeps sums within Postgres' bigint.
Count = Annotated[int, Meta(ge=0, le=2**48)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Pattern = Annotated[str, Meta(max_length=512)]
Hash = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$", description="base64url SHA-256")]
BucketName = Annotated[str, Meta(pattern="^[0-9a-f]{2}$")]
Buckets = Annotated[dict[BucketName, Hash], Meta(max_length=MAX_BUCKETS)]
Patterns = Annotated[list[Pattern], Meta(max_length=256)]


class CollectionClaim(Struct, forbid_unknown_fields=True, frozen=True):
    """One collection of a manifest. `entries` counts deletions too; `deleted` of them are tombstones."""

    name: Name
    patterns: Patterns
    entries: Count
    bytes: Count
    buckets: Buckets
    deleted: Count = 0


class Withheld(Struct, forbid_unknown_fields=True, frozen=True):
    """What stays in the browser: how many keys, the set digest of their hashes, how often each rule spoke."""

    count: Count
    digest: Hash
    rules: Annotated[dict[Name, Count], Meta(max_length=256)] = {}


class Manifest(Struct, forbid_unknown_fields=True, frozen=True):
    """Counts, bytes and bucket digests of everything a run intends to move."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    entries: Count
    bytes: Count
    collections: Annotated[list[CollectionClaim], Meta(max_length=MAX_COLLECTIONS)]
    withheld: Withheld | None = None


def manifest_digest(manifest: Manifest) -> bytes:
    """Return SHA-256 of the manifest's JSON with sorted members, 32 bytes."""
    return hashlib.sha256(msgspec.json.encode(manifest, order="sorted")).digest()


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """Return the manifest as plain JSON types, as the run keeps it."""
    plain: dict[str, Any] = msgspec.to_builtins(manifest)
    return plain


def check(manifest: Manifest) -> None:
    """Raise ManifestInvalid when the manifest contradicts itself."""
    names = [collection.name for collection in manifest.collections]
    if len(set(names)) != len(names):
        raise ManifestInvalid("Two collections have the same name.")
    for collection in manifest.collections:
        _check_collection(collection)
    if manifest.entries != sum(collection.entries for collection in manifest.collections):
        raise ManifestInvalid("`entries` is not the sum over the collections.")
    if manifest.bytes != sum(collection.bytes for collection in manifest.collections):
        raise ManifestInvalid("`bytes` is not the sum over the collections.")
    _refuse_nul(manifest)
    try:
        compile_labels([(collection.name, collection.patterns) for collection in manifest.collections])
    except PatternsInvalid as error:
        raise ManifestInvalid(str(error)) from error


def _check_collection(collection: CollectionClaim) -> None:
    if collection.deleted > collection.entries:
        raise ManifestInvalid("A collection has more deletions than entries.", collection=collection.name)
    fewest, most = min(collection.entries, 1), min(collection.entries, MAX_BUCKETS)
    if not fewest <= len(collection.buckets) <= most:
        raise ManifestInvalid("The number of buckets does not fit the number of entries.", collection=collection.name)
    # The shortest line of an entry is ["",""], of a deletion [""].
    if collection.bytes < 7 * (collection.entries - collection.deleted) + 4 * collection.deleted:
        raise ManifestInvalid("So many entries do not fit in so few bytes.", collection=collection.name)


def _refuse_nul(manifest: Manifest) -> None:
    """Postgres' jsonb cannot hold U+0000, and no pattern or name needs it."""
    if b"\\u0000" in msgspec.json.encode(manifest) and _has_nul(manifest):
        raise ManifestInvalid("Names and patterns must not hold U+0000.")


def _has_nul(manifest: Manifest) -> bool:
    texts = [text for collection in manifest.collections for text in (collection.name, *collection.patterns)]
    texts += list(manifest.withheld.rules) if manifest.withheld else []
    return any("\x00" in text for text in texts)


def check_amendment(*, version: int, entries: int, digest: bytes, by: Manifest) -> None:
    """Raise ManifestShrinks unless `by` may follow the manifest described by the first three arguments.

    The same version must be the same manifest; a higher one may change anything but lower the entries.
    """
    if by.version == version and manifest_digest(by) == bytes(digest):
        return
    if by.version <= version:
        raise ManifestShrinks(f"The run knows version {version}; an amendment needs a higher one.", version=version)
    if by.entries < entries:
        raise ManifestShrinks(f"The run knows {entries} entries; the amendment has fewer.", entries=entries)
