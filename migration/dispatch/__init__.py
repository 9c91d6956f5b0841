"""The only bell: tells workers that there is work in Postgres. A lost bell loses nothing, the sweeper rings again."""

from migration.dispatch.bell import JOB, QUEUE, answered, redis_answers, ring, ring_anyway

__all__ = ["JOB", "QUEUE", "answered", "redis_answers", "ring", "ring_anyway"]
