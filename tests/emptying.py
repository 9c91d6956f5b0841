"""Emptying the tables after a test that commits.

Django truncates all tables, whatever they hold, and has content types, permissions and walls made anew each time: as
much work as many a test. Here a question finds the few tables that hold something, and those are emptied.
"""

from functools import cache
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

# Made after each `migrate`, and by nobody else.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
# Tables that hold more than so many rows are truncated: deleted rows would stay in them, dead, until a vacuum.
FEW = 500


def empty_tables(*_: Any) -> None:
    """Leave every table empty, but for what `migrate` puts there."""
    with connection.cursor() as cursor:
        cursor.execute(_question())
        found: list[tuple[str, bool, bool]] = cursor.fetchall()
        if any(is_large or not may_skip for _, is_large, may_skip in found):
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=False)
            return
        with transaction.atomic():
            # No trigger of ours or of a foreign key's runs: nothing is left that either could be about.
            deletions = [f'DELETE FROM "{name}"' for name, *_ in found]
            cursor.execute(";".join(["SET LOCAL session_replication_role = replica", *deletions]))


@cache
def _question() -> str:
    """Ask which tables hold something, whether much, and whether this login may pass triggers by."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    of_one = """SELECT '{name}', EXISTS (SELECT FROM "{name}" OFFSET {few}), current_setting('is_superuser') = 'on'
                WHERE EXISTS (SELECT FROM "{name}")"""
    return " UNION ALL ".join(of_one.format(name=name, few=FEW) for name in names if name not in KEPT)
