"""When a change of a stage holds everywhere: once the transactions that were under way at its commit have ended.

An op or a batch that looked at the epoch just before the change may still be about to commit. So what is under way is
listed after the commit, by the locks each transaction holds on its own virtual id, and the change holds once none of
the list is left. Ids of transactions would not do: one that waits for a lock has a snapshot, and no id yet.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from migration.models import StageChange

# A virtual id comes again only after a restart of the server, which ended whatever was under way. Vacuum and other
# machinery of the server's own have no user and write nothing of ours.
_UNDER_WAY = """
SELECT pg_postmaster_start_time()::text, coalesce(array_agg(l.virtualtransaction::text)
    FILTER (WHERE l.virtualtransaction IS NOT NULL), '{}')
FROM (SELECT 1) AS always
LEFT JOIN (pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid AND a.usesysid IS NOT NULL
           AND a.datname = current_database())
    ON l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
"""


def settle(changes: "list[StageChange]", *, at: datetime) -> None:
    """Look whether these committed changes hold everywhere by now, and note it. Outside of any transaction of them."""
    if not changes:
        return
    with connection.cursor() as cursor:
        cursor.execute(_UNDER_WAY)
        started, under_way = cursor.fetchone()
    for change in changes:
        older = _left(change.older, started=started, under_way=set(under_way))
        columns: dict[str, Any] = {"older": {"started": started, "transactions": older}}
        if not older:
            columns["effective_at"] = at
        StageChange.objects.filter(id=change.id, effective_at=None).update(**columns)


def settle_all(*, at: datetime) -> None:
    """Look at every change that did not hold everywhere when it was last looked at."""
    settle(list(StageChange.objects.filter(effective_at=None).order_by("id")[:100]), at=at)


def _left(before: Any, *, started: str, under_way: set[str]) -> list[str]:
    """Return what is left of the transactions a change waits for; on the first look, all that are under way."""
    if before is None:
        return sorted(under_way)
    if before["started"] != started:
        return []
    return sorted(under_way & set(before["transactions"]))
