"""What gates said over time, in as many points as a plot can show."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from migration.reports.fleet import Period

Points = list[tuple[datetime, float]]

_READINGS = """
SELECT name, date_bin(%(step)s, at, %(since)s) AS step, avg(figure), max("limit")
FROM migration_gatereading
WHERE app_id = %(app)s AND collection = %(collection)s AND at >= %(since)s AND figure IS NOT NULL
GROUP BY name, step ORDER BY name, step
"""


def readings(*, app_id: UUID, collection: str, period: Period, at: datetime) -> dict[str, tuple[Points, Points]]:
    """Return, by gate, the mean figure of each step of a period until `at`, and the limit that held then."""
    given: dict[str, Any] = {"app": app_id, "collection": collection, "step": period.step, "since": at - period.span}
    found: dict[str, tuple[Points, Points]] = defaultdict(lambda: ([], []))
    with connection.cursor() as cursor:
        cursor.execute(_READINGS, given)
        for name, step, figure, limit in cursor.fetchall():
            found[name][0].append((step, figure))
            found[name][1].append((step, limit))
    return dict(found)
