"""Every code an entry can be refused with, provoked by an upload: the owner is told it, and its page explains it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.utils import timezone

from migration.api import guide
from migration.loading import POISON
from migration.loading.parts import NOT_TAKEN_CODE
from migration.models import App
from migration.orchestration import pipeline, schemas
from tests.factories.codes import codes_of_refused_entries
from tests.factories.doors import Browser, Tenant, account, make_tenant, owner_of
from tests.factories.held import values_of
from tests.factories.picky import refuse_bad, take_bad
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)

SOUND = {"todo:sound": '{"done":false}'}
TYPED = [{"name": "todo", "patterns": ["todo:*"], "type": "object"}]
PIN = '{"type":"object","required":["done"]}'

Entries = Mapping[str, str]
Situation = Callable[[Tenant, Any, pytest.MonkeyPatch], Entries]


def too_long_a_line(tenant: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Entries:
    App.objects.filter(id=tenant.app.id).update(max_entry_bytes=60)
    return {"todo:1": "x" * 90}


def too_long_a_key(tenant: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Entries:
    settings.MIGRATION = {**settings.MIGRATION, "KEY_UNITS": "50"}
    return {"todo:" + "\U0001f40d" * 23: "{}"}


def another_type(tenant: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Entries:
    App.objects.filter(id=tenant.app.id).update(collections=TYPED)
    return {"todo:1": "[1,2]"}


def no_fit_for_the_pin(tenant: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Entries:
    schemas.pin_schema(app_id=tenant.app.id, collection="todo", text=PIN, at=timezone.now(), actor="test")
    return {"todo:1": '{"title":"x"}'}


def what_takes_workers_down(tenant: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Entries:
    add = pipeline._add

    def fails_on_it(part: Any, lines: Any, plan: Any, *, first: int) -> None:
        if any(line.key == "todo:1" for line in lines):
            raise MemoryError
        add(part, lines, plan, first=first)

    monkeypatch.setattr(pipeline, "_add", fails_on_it)
    return {"todo:1": "[" * 9}


def what_postgres_refuses(tenant: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Entries:
    refuse_bad()
    return {"todo:1": "bad"}


SITUATIONS: dict[str, tuple[Situation, str, str]] = {
    "entry_too_large": (too_long_a_line, "60 are allowed", "value"),
    "key_too_large": (too_long_a_key, "51 code units; 50 are allowed", "key"),
    "type_mismatch": (another_type, "holds object; this is array", "value"),
    "schema_mismatch": (no_fit_for_the_pin, "wants the member", ""),
    NOT_TAKEN_CODE: (what_postgres_refuses, "constraint nothing_bad", ""),
    POISON: (what_takes_workers_down, "set aside unread", ""),
}
"""By code: how an entry comes to it, what its words say, and where in the entry the fault lies."""


@pytest.fixture(autouse=True)
def everything_is_taken_again() -> Iterator[None]:
    yield
    take_bad()


def test_each_code_of_a_refused_entry_has_a_situation_here() -> None:
    assert codes_of_refused_entries() == set(SITUATIONS)


@pytest.mark.parametrize("code", SITUATIONS)
def test_a_refused_entry_is_told_with_its_code_and_explained(
    code: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation, words, path = SITUATIONS[code]
    tenant = make_tenant()
    browser = account(tenant)
    bad = situation(tenant, settings, monkeypatch)
    run_id = browser.upload({**SOUND, **bad})
    Worker().work_until_done()

    (told,) = browser.get("/quarantine").json()["quarantine"]
    assert (told["code"], told["path"], told["state"], told["run"]) == (code, path, "open", run_id)
    assert words in told["detail"]
    assert values_of(owner_of(browser, tenant)) == SOUND
    run = browser.get(f"/runs/{run_id}").json()
    assert (run["state"], run["entries"]["quarantined"]) == ("completed", 1)
    assert [error["code"] for error in run["errors"]] == [code]
    page = Browser().get(f"/docs/errors/{code}")
    assert page.status_code == 200
    assert guide.meaning(code).startswith("Reason of a quarantined entry")
