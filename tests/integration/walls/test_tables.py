"""Every table that holds what belongs to somebody stands behind a wall."""

import pytest
from django.db import connection

from migration.walls import GRANTS, SHARED, raise_walls, walls_wanting
from migration.walls.standing import tenant_role

pytestmark = pytest.mark.django_db
FORCED = "SELECT relname::text FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
HOW = (
    "{table} has no place in migration/walls/tables.py. Row-level security is on it already (`migrate` puts it on every"
    " table with an owner_id or app_id), but owners' requests may do nothing there. Say in GRANTS what they may do with"
    " their own rows ('' for nothing), or in SHARED why its rows belong to nobody."
)


def rows(sql: str, *params: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall()


def tables() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in rows(
        """SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
           USING (table_schema, table_name) WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
           AND table_name LIKE 'migration\\_%'"""
    ):
        found.setdefault(str(table), set()).add(str(column))
    return found


class TestEveryTable:
    def test_of_the_app_has_said_what_owners_may_do_there(self) -> None:
        for table in tables():
            assert table in GRANTS or table in SHARED, HOW.format(table=table)

    def test_that_is_named_exists(self) -> None:
        assert set(GRANTS) | set(SHARED) <= set(tables())

    def test_with_an_owner_or_an_app_is_forced_behind_policies_of_both_kinds(self) -> None:
        policies: dict[str, set[str]] = {}
        for table, policy in rows("SELECT tablename::text, policyname::text FROM pg_policies"):
            policies.setdefault(str(table), set()).add(str(policy))
        forced = {
            row[0] for row in rows("SELECT relname::text FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        }
        bound = {name for name, columns in tables().items() if columns & {"owner_id", "app_id"}} | {"migration_app"}
        assert bound, "no table was looked at"
        for table in bound:
            assert table in forced, table
            assert policies.get(table) == {"tenant", "back_office"}, table
        assert not bound & set(SHARED)

    def test_without_one_is_shared_for_a_reason(self) -> None:
        for table, columns in tables().items():
            if table != "migration_app" and not columns & {"owner_id", "app_id"}:
                assert SHARED.get(table), HOW.format(table=table)

    def test_gives_the_tenants_role_what_is_listed_and_no_more(self) -> None:
        granted = rows(
            "SELECT table_name::text, privilege_type::text FROM information_schema.table_privileges WHERE grantee = %s",
            tenant_role(),
        )
        for table, right in granted:
            listed = [one.strip() for one in GRANTS[str(table)].split(",")]
            assert right in listed, (table, right)


class TestTheWalls:
    def test_stand_already_after_migrating(self) -> None:
        assert raise_walls() == 0

    def test_are_raised_on_a_table_nobody_thought_of(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE migration_forgotten (owner_id uuid)")
        assert [wall.bound.table for wall in walls_wanting(tenant_role())] == ["migration_forgotten"]
        assert raise_walls() == 1
        assert walls_wanting(tenant_role()) == []

    def test_are_mended_where_somebody_took_one_down(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE migration_record NO FORCE ROW LEVEL SECURITY")
            cursor.execute("DROP POLICY tenant ON migration_owner")
        assert raise_walls() == 2

    def test_keep_the_role_from_every_secret(self) -> None:
        assert not rows(
            "SELECT 1 FROM pg_class WHERE relname = 'migration_appsecret' AND has_table_privilege(%s, oid, 'SELECT')",
            tenant_role(),
        )

    def test_are_not_the_roles_to_pass(self) -> None:
        assert rows(
            "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = %s", tenant_role()
        ) == [(False, False, False, False)]
