"""A cause that refused very many entries is looked at as quickly as one that refused a few."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from migration.admin.causes import address
from migration.models import QuarantineEntry
from migration.orchestration.quarantine import Cause
from tests.integration.admin.conftest import World, quarantine
from tests.integration.admin.test_size import MOST_QUERIES, blocks_of, explained

pytestmark = pytest.mark.django_db

MOST_BLOCKS = 8_000
"""Blocks of 8 KiB Postgres may touch for one page, however many entries there are."""
_MANY = """
INSERT INTO migration_quarantineentry (run_id, app_id, owner_id, chunk_id, ordinal, seq, key_hash, fingerprint,
                                       collection, line, code, detail, path, state, edited, created_at)
SELECT q.run_id, q.app_id, q.owner_id, 2, n, 1, q.key_hash, q.fingerprint, 'todos', q.line, q.code, q.detail,
       CASE WHEN n %% 1000 = 0 THEN '/rare' ELSE '/often' END,
       CASE WHEN n %% 3 = 0 THEN 'discarded' ELSE 'open' END, false, now()
FROM migration_quarantineentry q, generate_series(1, %(many)s) n WHERE q.id = %(entry)s
"""


@pytest.fixture
def entry(world: World, request: pytest.FixtureRequest) -> QuarantineEntry:
    one = quarantine(world.run, ordinal=77, key="todo:1", code="schema_mismatch")
    with connection.cursor() as cursor:
        cursor.execute(_MANY, {"many": request.param, "entry": one.id})
        cursor.execute("ANALYZE migration_quarantineentry")
    return one


def assert_quick(desk: Client, entry: QuarantineEntry) -> None:
    for path in ("/rare", "/often"):
        page = address(Cause(entry.app_id, entry.code, "todos", path))
        with explained() as plans:
            assert desk.get(page).status_code == 200
        _assert_few(path, plans)
    with explained() as plans:
        assert desk.get(reverse("admin:migration_quarantineentry_changelist")).status_code == 200
    _assert_few("the list", plans)


def _assert_few(name: str, plans: list[tuple[str, dict[str, Any]]]) -> None:
    blocks = sum(blocks_of(plan) for _, plan in plans)
    worked = sum(plan.get("Execution Time", 0) + plan.get("Planning Time", 0) for _, plan in plans)
    print(f"{name}: {len(plans)} statements, {blocks} blocks, {worked:.0f} ms in Postgres")
    assert len(plans) <= MOST_QUERIES, name
    assert blocks <= MOST_BLOCKS, name


@pytest.mark.parametrize("entry", [120_000], indirect=True)
def test_a_cause_of_a_hundred_thousand_is_quick(desk: Client, entry: QuarantineEntry) -> None:
    assert_quick(desk, entry)


@pytest.mark.soak
@pytest.mark.parametrize("entry", [1_000_000], indirect=True)
def test_a_cause_of_a_million_is_quick(desk: Client, entry: QuarantineEntry) -> None:
    assert_quick(desk, entry)
