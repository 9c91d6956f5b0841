"""The only bell: tells workers that there is work in Postgres. A lost bell loses nothing, the sweeper rings again."""

from migration.dispatch.bell import QUEUE, answered, ring

__all__ = ["QUEUE", "answered", "ring"]
