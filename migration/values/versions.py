"""What is known of one version of a record beside its key and its value, in an archive and on its way from there."""

from typing import NamedTuple


class Version(NamedTuple):
    """Who wrote one version of a record, when and where; `until` is the revision that superseded it, None: it stands.

    The fields come in the order of an archive's line. Ids are texts that are known to be UUIDs: a record has two, and
    few of them differ. `written_at` counts microseconds since 1970. A tuple, because millions of them are made.
    """

    namespace: str
    collection: str
    revision: int
    until: int | None
    seq: int
    device_id: str | None
    run_id: str | None
    cause: str
    written_at: int
