"""Every list stays quick when the tables are full: few statements, none over a whole large table."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration.models import MigrationRun
from migration.orchestration.pulse import fold_pulse
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.integration.admin.crowd import crowd

pytestmark = pytest.mark.django_db

MOST_QUERIES = 20
MOST_BLOCKS = 30_000
"""Blocks of 8 KiB Postgres may touch for one page: some 100 ms of work."""
MOST_MILLISECONDS = 300
"""Of work for one page, ours and Postgres' together; the time waited for it tells what else the machine does."""


@pytest.fixture
def full(request: pytest.FixtureRequest) -> MigrationRun:
    app = make_app()
    run = make_run(make_device(make_owner(app)), state="completed")
    crowd(app_id=app.id, run_id=run.id, records=request.param)
    fold_pulse(at=timezone.now())
    return run


def addresses(run: MigrationRun) -> dict[str, str]:
    """Every list with the questions an operator asks of it."""
    found = {"dashboard": reverse("admin:index"), "dashboard of an app": f"{reverse('admin:index')}?app={run.app_id}"}
    for model in admin.site._registry:
        options = model._meta
        if options.app_label == "migration":
            path = reverse(f"admin:migration_{options.model_name}_changelist")
            found |= {options.model_name: path, f"{options.model_name} by id": f"{path}?q=abcd"}
    runs, records = reverse("admin:migration_migrationrun_changelist"), reverse("admin:migration_records")
    found["failed runs"] = f"{runs}?state__exact=failed"
    found["last page of runs"] = f"{runs}?p=200"
    for name, query in {
        "records": "",
        "records of an app": f"app={run.app_id}",
        "records of a user": "owner=user-77",
        "a key of a user": "owner=user-77&key=todo:5",
        "beginnings of keys": "owner=user-77&how=begins&key=todo:9",
        "a key of an app": f"app={run.app_id}&key=todo:5",
        "a key nobody has": f"app={run.app_id}&key=nobody",
        "records further on": "after=c0000000-0000-0000-0000-000000000000~~",
    }.items():
        found[name] = f"{records}?{query}"
    return found


@contextmanager
def explained() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Run each question to Postgres under EXPLAIN too; yield (statement, plan) of all statements."""
    plans: list[tuple[str, dict[str, Any]]] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        answer = execute(sql, params, many, context)
        plan: dict[str, Any] = {}
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", params)
                (plan,) = cursor.fetchone()[0]
        plans.append((sql, plan))
        return answer

    with connection.execute_wrapper(explain):
        yield plans


@dataclass(frozen=True)
class Cost:
    """What one page took: milliseconds of ours (CPU) and of Postgres, as it was waited for, statements, blocks."""

    page: str
    ours: float
    postgres: float
    waited: float
    statements: int
    blocks: int

    @property
    def worked(self) -> float:
        """Return the milliseconds somebody worked for it, whatever else the machine did meanwhile."""
        return self.ours + self.postgres

    def __str__(self) -> str:
        return (
            f"{self.worked:7.0f} ms = {self.ours:5.0f} CPU + {self.postgres:5.0f} Postgres;"
            f" waited {self.waited:5.0f} ms; {self.statements:2} statements, {self.blocks:6} blocks  {self.page}"
        )


def cost_of(desk: Client, page: str, path: str) -> Cost:
    """Ask for a page three times, of which the median counts, and once more to have its statements explained."""
    ours, waited = [], []
    for _ in range(3):
        began, worked = time.perf_counter(), time.thread_time()
        assert desk.get(path).status_code == 200, page
        ours.append(time.thread_time() - worked)
        waited.append(time.perf_counter() - began)
    with explained() as plans:
        assert desk.get(path).status_code == 200, page
    for sql, plan in plans:
        whole = re.search(r'"Node Type": "Seq Scan"[^}]*"Relation Name": "migration_record"', json.dumps(plan))
        assert whole is None, f"{page} reads all records: {sql}"
    postgres = sum(plan.get("Execution Time", 0) + plan.get("Planning Time", 0) for _, plan in plans)
    blocks = sum(blocks_of(plan) for _, plan in plans)
    return Cost(page, median(ours) * 1000, postgres, median(waited) * 1000, len(plans), blocks)


def assert_quick(desk: Client, run: MigrationRun) -> list[Cost]:
    """Hold every list to its statements and blocks, which the machine's load does not change; return the costs."""
    costs = [cost_of(desk, page, path) for page, path in addresses(run).items()]
    for cost in sorted(costs, key=lambda one: -one.worked):
        print(cost)
    assert [cost.page for cost in costs if cost.statements > MOST_QUERIES] == []
    assert [(cost.page, cost.blocks) for cost in costs if cost.blocks > MOST_BLOCKS] == []
    return costs


def blocks_of(plan: dict[str, Any]) -> int:
    """How many blocks a statement touched, found in memory or not."""
    top = plan.get("Plan", {})
    return int(top.get("Shared Hit Blocks", 0) + top.get("Shared Read Blocks", 0))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("full", [100_000], indirect=True)
def test_every_list_is_quick_with_100_000_records_and_10_000_runs(desk: Client, full: MigrationRun) -> None:
    assert_quick(desk, full)


@pytest.mark.soak
@pytest.mark.parametrize("full", [1_000_000], indirect=True)
def test_every_list_is_quick_with_1_000_000_records_and_10_000_runs(desk: Client, full: MigrationRun) -> None:
    slow = [str(cost) for cost in assert_quick(desk, full) if cost.worked > MOST_MILLISECONDS]
    assert slow == []
