"""Archives on disk: a manifest and parts of lines, written atomically, read in bounded memory."""

from migration.archives.digests import BucketDigests
from migration.archives.foreign import foreign_entries, owned_entries
from migration.archives.lines import OwnerLine, Slice, owner_line, version_line
from migration.archives.manifest import Manifest, PartFile, Scope
from migration.archives.reading import ArchiveReader, Place
from migration.archives.rewrapping import keys_of, rewrap_archive
from migration.archives.writing import ArchiveWriter

__all__ = [
    "ArchiveReader",
    "ArchiveWriter",
    "BucketDigests",
    "Manifest",
    "OwnerLine",
    "PartFile",
    "Place",
    "Scope",
    "Slice",
    "foreign_entries",
    "keys_of",
    "owned_entries",
    "owner_line",
    "rewrap_archive",
    "version_line",
]
