"""The benchmark measures real statements on tables of its own, keeps what it found, and leaves nothing behind."""

import io
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from migration.models import Owner
from tests.factories.archives import load
from tests.factories.held import values_of
from tests.factories.loads import make_owner
from tests.integration.archives.test_going_on import _url


def ran(*words: str, **options: Any) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command("migration_benchmark", *words, json=True, stdout=out, **options)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def schemas() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'migration_benchmark%%'")
        return int(cursor.fetchone()[0])


@pytest.fixture
def owner(transactional_db: None) -> Owner:
    owner = make_owner()
    load(owner, {f"k{n}": str(n) for n in range(30)})
    return owner


def test_measures_keeps_recommends_and_compares(owner: Owner, tmp_path: Path) -> None:
    before = values_of(owner)

    *rows, kept = ran("benchmark", folder=tmp_path, app=owner.app.slug, rounds=1)

    assert {(row["strategy"], row["case"]) for row in rows} == {
        (strategy, case) for strategy in ("copy", "upsert", "row", "parallel", "hybrid") for case in ("new", "updates")
    }
    assert all(row["records_per_second"] > 0 and row["records"] == 30 for row in rows)
    assert values_of(owner) == before, "nothing of anybody is touched"
    assert schemas() == 0
    advice = ran("analyze", folder=tmp_path)
    assert {one["case"] for one in advice} == {"new", "updates"}
    assert all(one["reason"] for one in advice)
    same = ran("compare", kept["kept"], kept["kept"])
    assert {one["ratio"] for one in same} == {1.0}


def test_scalability_draws_a_page(transactional_db: None, tmp_path: Path) -> None:
    *_, kept = ran("scalability", folder=tmp_path, records=300, rounds=1)

    assert "<svg" in Path(kept["kept"]).with_suffix(".html").read_text()
    assert schemas() == 0


def test_what_a_killed_measurement_left_goes_with_the_next_and_one_at_work_stays(
    transactional_db: None, tmp_path: Path
) -> None:
    with connection.cursor() as cursor, psycopg.connect(_url(), autocommit=True) as other:
        cursor.execute("CREATE SCHEMA migration_benchmark_dead")
        cursor.execute("CREATE TABLE migration_benchmark_dead.migration_record ()")
        cursor.execute("CREATE SCHEMA migration_benchmark_busy")
        other.execute("SELECT pg_advisory_lock(hashtext('migration_benchmark_busy'))")

        ran("scalability", folder=tmp_path, records=30, rounds=1, workers=1)

        assert schemas() == 1
        cursor.execute("DROP SCHEMA migration_benchmark_busy")


@pytest.mark.parametrize(
    ("words", "code"), [(("compare", "one"), 2), (("analyze", "a", "b"), 2), (("analyze", "nowhere"), 1)], ids=str
)
def test_refuses_what_makes_no_sense(words: tuple[str, ...], code: int, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        ran(*words, folder=tmp_path)

    assert refused.value.returncode == code
