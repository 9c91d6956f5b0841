"""RQ's door. A job says only "there is work"; what to do stands in Postgres."""

from migration.jobs.work import work

__all__ = ["work"]
