"""Turns entries into rows for the loader. Typed mappings onto an app's own models plug in here later."""

from migration.mapping.rows import DataMapper, all_in, map_rows

__all__ = ["DataMapper", "all_in", "map_rows"]
