"""What an entry becomes on its way into a record: one flat row, its texts already bytes."""

from typing import NamedTuple


class Row(NamedTuple):
    """One entry ready to be staged. `key_json` and `value` are UTF-8; `value` is None for a deletion.

    `value` is what the `json` column takes: the entry's string itself (form verbatim) or a JSON string literal of
    it (form literal). A tuple, not a dataclass: a million of them are made on a busy second of a release day.
    """

    ordinal: int
    key_hash: bytes
    key_json: bytes
    collection: str
    value: bytes | None
    form: int
    queryable: bool
    fingerprint: bytes
