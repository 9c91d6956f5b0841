"""What an entry is: whether it looks like a secret, what type its value has, what a collection mostly holds.

Nothing here touches the database; `secret_rules.json` and the vectors in `tests/vectors` are shared with the SDK.
"""

from migration.detection.autodetector import AutoDetector, TypeVerdict
from migration.detection.sampling import Sampled, SchemaSampler, Thinned
from migration.detection.secrets import Finding, find_secret, scan_entries
from migration.detection.shapes import Difference, Shape, differences, path_of, pointer, schema_of, shape_of
from migration.detection.types import TYPES, type_of

__all__ = [
    "TYPES",
    "AutoDetector",
    "Difference",
    "Finding",
    "Sampled",
    "SchemaSampler",
    "Shape",
    "Thinned",
    "TypeVerdict",
    "differences",
    "find_secret",
    "path_of",
    "pointer",
    "scan_entries",
    "schema_of",
    "shape_of",
    "type_of",
]
