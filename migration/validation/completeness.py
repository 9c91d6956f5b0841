"""Is a run complete: does what arrived add up to what its manifest announced, bucket by bucket?"""

from collections.abc import Mapping
from typing import Any

Buckets = Mapping[str, Mapping[str, str]]
"""{collection: {bucket: digest}}, bucket names in hex, digests as the wire writes them."""


def compare_with_manifest(manifest: Mapping[str, Any], claimed: Buckets) -> dict[str, list[str]]:
    """Return {collection: [bucket]} where the two differ, also buckets only one side has; empty when complete."""
    announced = {one["name"]: one.get("buckets", {}) for one in manifest.get("collections", [])}
    return differing_buckets(announced, claimed)


def differing_buckets(ours: Buckets, theirs: Buckets) -> dict[str, list[str]]:
    """Return {collection: [bucket]} where two sides differ, in order."""
    found = {}
    for name in sorted(ours.keys() | theirs.keys()):
        left, right = ours.get(name, {}), theirs.get(name, {})
        buckets = sorted(bucket for bucket in left.keys() | right.keys() if left.get(bucket) != right.get(bucket))
        if buckets:
            found[name] = buckets
    return found
