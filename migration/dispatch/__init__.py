"""The only bell: tells workers that there is work in Postgres. A lost bell loses nothing, the sweeper rings again."""

from migration.dispatch.bell import answered, ring

__all__ = ["answered", "ring"]
