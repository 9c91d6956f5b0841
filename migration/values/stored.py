"""Stored values as they travel: the canonical line of what a column holds. Pure."""

from migration.values.forms import LITERAL
from migration.values.lines import literal


def line_of(key_json: str, form: int, text: str | None) -> str:
    """Return the canonical line of a record whose `value` column holds `text` (None: deleted) in this form."""
    if text is None:
        return f"[{key_json}]"
    return f"[{key_json},{text if form == LITERAL else literal(text).decode()}]"
