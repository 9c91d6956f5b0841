"""A login that is no superuser: the walls stand by settings alone, and by a role once somebody has made it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from syncserver.stack import PROJECT
from tests.factories.servers import test_database_url as address_of_the_tests

pytestmark = pytest.mark.django_db
TRIED = """
import json, django
django.setup()
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, transaction
call_command("migrate", verbosity=0)
from migration.models import MigrationRun
from migration.walls import scoped
from tests.factories.loads import make_device, make_owner, make_run

mine, theirs = make_owner(), make_owner()
runs = [make_run(make_device(owner)) for owner in (mine, theirs)]
said = {"behind": MigrationRun.objects.filter(id__in=[run.id for run in runs]).count()}
with scoped(app_id=mine.app_id, owner_id=mine.id):
    said["seen"] = [run.owner_id == mine.id for run in MigrationRun.objects.all()]
    with transaction.atomic():
        said["written"] = MigrationRun.objects.filter(id=runs[1].id).update(failure_code="mine now")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text")
        said["as"] = cursor.fetchone()[0]
told = run_checks(include_deployment_checks=True, databases=["default"])
said["told"] = {one.id: one.hint for one in told if one.id[-3:] in {"020", "021", "022", "023"}}
print(json.dumps(said))
"""


@dataclass
class Plain:
    """A login without any right to make roles, an empty schema of its own, and the role it would need."""

    login: str
    role: str
    url: str

    def tried(self) -> tuple[dict[str, Any], str]:
        """Migrate in a process of its own; return who saw and wrote what then, and what was logged."""
        env = {**os.environ, "DATABASE_URL": self.url, "MIGRATION_TENANT_ROLE": self.role, "LOG_LEVEL": "WARNING"}
        done = subprocess.run(
            [sys.executable, "-c", TRIED], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer, done.stderr


def as_superuser(statement: str, *names: str) -> None:
    with psycopg.connect(address_of_the_tests(), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def plain() -> Iterator[Plain]:
    name = f"plain_{uuid4().hex[:8]}"
    role = f"{name}_tenant"
    as_superuser(f"CREATE ROLE {{}} LOGIN PASSWORD '{name}' NOSUPERUSER NOCREATEROLE", name)
    as_superuser("CREATE SCHEMA {} AUTHORIZATION {}", name, name)
    as_superuser("ALTER ROLE {} SET search_path = {}", name, name)
    at = urlsplit(address_of_the_tests())
    place = f"{name}:{name}@{at.hostname}:{at.port or 5432}"
    try:
        yield Plain(name, role, urlunsplit((at.scheme, place, at.path, "", "")))
    finally:
        as_superuser("DROP SCHEMA {} CASCADE", name)
        as_superuser("DROP ROLE IF EXISTS {}, {}", role, name)


def test_a_plain_login_is_walled_by_settings_and_then_by_a_role(plain: Plain) -> None:
    said, logged = plain.tried()
    remedy = f'CREATE ROLE "{plain.role}" NOLOGIN; GRANT "{plain.role}" TO "{plain.login}";'
    assert remedy in logged.replace('\\"', '"')
    told = said.pop("told")
    assert set(told) == {"migration.W021"}
    assert remedy in told["migration.W021"]
    assert said == {"behind": 2, "seen": [True], "written": 0, "as": plain.login}

    as_superuser("CREATE ROLE {} NOLOGIN", plain.role)
    as_superuser("GRANT {} TO {}", plain.role, plain.login)
    said, logged = plain.tried()
    assert said == {"behind": 2, "seen": [True], "written": 0, "as": plain.role, "told": {}}
    assert remedy not in logged.replace('\\"', '"')
