"""The operator's view: what runs, what was refused, who did what, and the way back.

One file per noun. Nothing is written here but through the conductor's verbs; keys and values are hostile input and
reach a page only through `display`.
"""

from migration.admin import (
    app_rollbacks,
    archives,
    audit,
    backups,
    conflicts,
    cutover,
    people,
    quarantine,
    rollbacks,
    runs,
    schemas,
    staff,
    tenancy,
    tuning,
)

__all__ = [
    "app_rollbacks",
    "archives",
    "audit",
    "backups",
    "conflicts",
    "cutover",
    "people",
    "quarantine",
    "rollbacks",
    "runs",
    "schemas",
    "staff",
    "tenancy",
    "tuning",
]
