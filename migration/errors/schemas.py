"""What is refused of a schema somebody wants to pin."""

from migration.errors.base import BadInput


class SchemaInvalid(BadInput):
    """This is no JSON Schema (2020-12) that may be pinned."""

    code = "schema_invalid"
