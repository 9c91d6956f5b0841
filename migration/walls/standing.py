"""Do the walls stand? Asked by the system checks, by tests, and by each process once before it serves owners."""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, ProgrammingError, connection, transaction

from migration.config import setting
from migration.walls.tables import APP_SETTING, OWNER_SETTING, Bound, bound_of

# It stands in the text of statements, before parameters are put in.
_NAME = re.compile(r"[A-Za-z0-9_ -]{1,63}")
TENANT, BACK_OFFICE = "tenant", "back_office"
"""Names of the two policies each table has: for owners' requests, and for everybody who works behind the doors."""

_TABLES = r"""
SELECT c.relname, pg_get_userbyid(c.relowner), c.relrowsecurity AND c.relforcerowsecurity,
       obj_description(p.oid, 'pg_policy'), array_agg(a.attname)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = %s
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE 'migration\_%%'
GROUP BY c.oid, p.oid ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class Wall:
    """One table's wall as it should be."""

    bound: Bound
    owner: str
    role: str | None

    @property
    def back_office(self) -> str:
        """Who works behind the doors: with a role for tenants all others; without one, whoever works for nobody."""
        if self.role is not None:
            return "true"
        return f"concat(current_setting('{APP_SETTING}', true), current_setting('{OWNER_SETTING}', true)) = ''"

    @property
    def mark(self) -> str:
        """A word that changes with anything about this wall; kept as the policy's comment."""
        parts = (self.bound.condition, self.bound.rights, self.owner, self.role, self.back_office)
        return sha256(repr(parts).encode()).hexdigest()[:16]


def tenant_role() -> str:
    """Return the name of the role owners' requests work under. Raises ImproperlyConfigured for an odd one."""
    name = str(setting("TENANT_ROLE"))
    if not _NAME.fullmatch(name):
        raise ImproperlyConfigured("MIGRATION_TENANT_ROLE holds letters, digits, spaces, _ and -, at most 63")
    return name


def role_may_be_taken() -> bool:
    """Tell whether this login may become the tenant's role: asked by doing it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('role', %s, true)", [tenant_role()])
            cursor.execute("SELECT set_config('role', 'none', true)")
    except (DataError, ProgrammingError):  # there is no such role; this login is no member of it
        return False
    return True


@cache
def role_to_take() -> str | None:
    """Return the role owners' requests work under, None where this login may not take it. Asked once per process."""
    return tenant_role() if role_may_be_taken() else None


def walls_wanting(role: str | None) -> list[Wall]:
    """Return the walls that do not stand as they should, for tenants of `role` (None: told by settings alone)."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, [TENANT])
        rows = cursor.fetchall()
    wanting = []
    for table, owner, is_forced, mark, columns in rows:
        bound = bound_of(table, frozenset(columns))
        if bound is None:
            continue
        wall = Wall(bound, owner, role)
        if not is_forced or mark != wall.mark:
            wanting.append(wall)
    return wanting
