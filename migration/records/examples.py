"""The values of a few records of different owners, for whoever judges them without keeping them."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from migration.models.records import Form
from migration.values.lines import text_of

# One probe of the primary key for each; a value that has grown since is not fetched.
_VALUES = """
SELECT (SELECT ARRAY[r.form::text, r.value::text] FROM migration_record r
        WHERE r.owner_id = s.owner_id AND r.namespace = s.namespace AND r.key_hash = s.key_hash
          AND r.value IS NOT NULL AND octet_length(r.value::text) <= %s)
FROM unnest(%s::uuid[], %s::text[], %s::bytea[]) AS s(owner_id, namespace, key_hash)
"""


def read_examples(places: Sequence[tuple[UUID, str, bytes]], *, longest: int) -> list[str]:
    """Return the strings held at (owner, namespace, hash of key) in order, without the absent, deleted and longer.

    `longest` is in bytes of what is stored.
    """
    if not places:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_VALUES, [longest, *(list(column) for column in zip(*places, strict=True))])
        found = [row[0] for row in cursor.fetchall() if row[0] is not None]
    return [value if form == str(Form.VERBATIM.value) else text_of(value) for form, value in found]
