"""Raises the walls after every `migrate`, so that no new table can be without one.

The tenant's role belongs to the whole Postgres server: several databases may share it, and several processes may
make it at once. A login that may not make roles goes on without one; its policies are then bound to the settings alone.
"""

import structlog
from django.db import DatabaseError, connection, transaction

from migration.walls.standing import BACK_OFFICE, TENANT, Wall, role_may_be_taken, tenant_role, walls_wanting

RAISE_LOCK = 0x77616C6C
"""Advisory lock under which one process at a time changes policies."""

FOR_THE_DBA = 'CREATE ROLE "{role}" NOLOGIN; GRANT "{role}" TO "{login}";'
"""What somebody who may make roles has to run, before `migrate` is run again."""

# What every role may do unless somebody took it away, or the tables lie in a schema of their own.
_LET_IN = """
DO $$ BEGIN
    IF NOT has_schema_privilege('{text}', current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', current_schema());
    END IF;
    IF NOT has_database_privilege('{text}', current_database(), 'TEMPORARY') THEN
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {role}', current_database());
    END IF;
END $$
"""

log = structlog.get_logger(__name__)


def raise_walls() -> int:
    """Put row-level security on every table that holds what belongs to somebody; return how many were changed."""
    role = tenant_role() if role_may_be_taken() or _make_role() else None
    if not walls_wanting(role):
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RAISE_LOCK])
        wanting = walls_wanting(role)
        if role is not None:
            cursor.execute(_LET_IN.format(role=_name(role), text=role))
        for wall in wanting:
            for statement in _statements(wall):
                cursor.execute(statement)
    return len(wanting)


def _statements(wall: Wall) -> list[str]:
    table, owner = _name(wall.bound.table), _name(wall.owner)
    own, anyone = wall.bound.condition, wall.back_office
    tenant = owner if wall.role is None else _name(wall.role)
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS {TENANT} ON {table}",
        f"DROP POLICY IF EXISTS {BACK_OFFICE} ON {table}",
        f"CREATE POLICY {BACK_OFFICE} ON {table} TO {owner} USING ({anyone}) WITH CHECK ({anyone})",
        f"CREATE POLICY {TENANT} ON {table} TO {tenant} USING ({own}) WITH CHECK ({own})",
        f"COMMENT ON POLICY {TENANT} ON {table} IS '{wall.mark}'",
    ]
    if wall.role is not None:
        statements.append(f"REVOKE ALL ON {table} FROM {tenant}")
        if wall.bound.rights:
            statements.append(f"GRANT {wall.bound.rights} ON {table} TO {tenant}")
    return statements


def _make_role() -> bool:
    """Make the tenant's role and let this login take it; say whether that worked."""
    role = _name(tenant_role())
    for statement in (
        f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE",
        f"GRANT {role} TO CURRENT_USER",
    ):
        _try(statement)
    if role_may_be_taken():
        return True
    login = connection.settings_dict["USER"]
    log.warning("tenant_role_missing", role=tenant_role(), sql=FOR_THE_DBA.format(role=tenant_role(), login=login))
    return False


def _try(statement: str) -> None:
    """Run a statement that may be forbidden, or that another process may run at the same moment."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        log.debug("statement_refused", error=type(error).__name__)


def _name(text: str) -> str:
    return connection.ops.quote_name(text)
