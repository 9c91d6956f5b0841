"""Turns entries into rows for the loader. Typed mappings onto an app's own models plug in here later."""

from migration.mapping.rows import DataMapper, map_rows

__all__ = ["DataMapper", "map_rows"]
