"""No app sees another app, no owner another owner: every described operation, by everybody who should not."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from migration.api.schema import openapi
from migration.api.tokens import issue_user_token
from migration.models import Backup, MigrationRun, RollbackPoint
from migration.orchestration import rolling_back
from tests.factories.doors import Browser, Tenant, account, guest, make_tenant, owner_of
from tests.factories.uploads import chunk_of, manifest_of, todos

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put")
PUBLIC = {"session_open", "config_show", "keys_list", "probes_health", "probes_live", "probes_ready"}
ENTRIES = todos(3)


def operations() -> dict[str, tuple[str, str]]:
    """Return {operation id: (method, path)} of everything described that needs an owner."""
    return {
        described["operationId"]: (method, path)
        for path, methods in openapi()["paths"].items()
        for method, described in methods.items()
        if described["operationId"] not in PUBLIC
    }


@dataclass
class Possessions:
    """An owner with one of everything an address can name."""

    browser: Browser
    ids: dict[str, str]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def victim(tenant: Tenant) -> Possessions:
    browser = account(tenant, "victim")
    run_id = browser.create(ENTRIES).json()["id"]
    chunk = chunk_of(ENTRIES)
    assert browser.put(run_id, chunk).status_code == 201
    owner = owner_of(browser, tenant)
    point = RollbackPoint.objects.get()
    rollback = rolling_back.request_point_rollback(
        owner_id=owner.id, point_id=point.id, idempotency_key=uuid4(), actor="test", at=timezone.now()
    )
    ids = {
        "run_id": run_id,
        "chunk_id": chunk.id,
        "point_id": str(point.id),
        "rollback_id": str(rollback.id),
        "backup_id": str(Backup.objects.get().id),
    }
    return Possessions(browser, ids)


BODIES: dict[str, Any] = {
    "ticket_issue": lambda ids: {"run": ids["run_id"]},
    "runs_create": lambda ids: {"id": ids["run_id"], "manifest": manifest_of(ENTRIES)},
    "runs_missing": lambda _: {"collections": []},
    "runs_seal": lambda _: {"manifest": manifest_of(ENTRIES)},
    "records_digests": lambda _: {"collections": []},
    "points_create": lambda _: {"name": "mine"},
}


def call(browser: Browser, name: str, ids: dict[str, str]) -> Any:
    method, path = operations()[name]
    path = re.sub(r"{(\w+)}", lambda match: ids[match[1]], path).removeprefix("/api/v1")
    if method == "get":
        answer = browser.get(path)
        if answer.streaming:
            answer.getvalue()
        return answer
    if method == "put":
        return browser.put(ids["run_id"], chunk_of(ENTRIES, id=ids["chunk_id"]))
    return browser.post(path, BODIES.get(name, lambda _: {"idempotency_key": str(uuid4())})(ids))


def names_an_object(name: str) -> bool:
    return "{" in operations()[name][1] or name in {"ticket_issue", "runs_create"}


def strangers(tenant: Tenant) -> dict[str, Browser]:
    """Everybody who is somebody, and not the victim."""
    device = account(tenant, "victim").device
    return {
        "another user": account(tenant, "other"),
        "another user on the same device": account(tenant, "other", device=device),
        "the same user id in another app": account(make_tenant(), "victim"),
        "a guest": guest(tenant),
        "a guest of another app": guest(make_tenant()),
    }


class TestForeignObjects:
    @pytest.mark.parametrize("name", [name for name in operations() if names_an_object(name)])
    def test_are_not_found_and_not_touched(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        before = list(MigrationRun.objects.values())
        for who, browser in strangers(tenant).items():
            answer = call(browser, name, victim.ids)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), who
        assert list(MigrationRun.objects.values()) == before

    @pytest.mark.parametrize("name", [name for name in operations() if not names_an_object(name)])
    def test_are_in_nobody_elses_lists(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        for who, browser in strangers(tenant).items():
            answer = call(browser, name, victim.ids)
            assert answer.status_code < 400, who
            assert not any(one in answer.content.decode() for one in victim.ids.values()), who

    def test_are_the_same_for_objects_that_do_not_exist(self, tenant: Tenant, victim: Possessions) -> None:
        foreign = call(account(tenant), "runs_show", victim.ids)
        unknown = call(account(tenant), "runs_show", {"run_id": str(uuid4())})
        assert foreign.content == unknown.content


class TestNobody:
    @pytest.mark.parametrize("name", operations())
    def test_gets_anything_without_a_token(self, name: str, victim: Possessions) -> None:
        answer = call(Browser(), name, victim.ids)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")

    @pytest.mark.parametrize("name", operations())
    def test_gets_anything_of_an_app_that_is_off(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        tenant.app.is_active = False
        tenant.app.save()
        assert call(victim.browser, name, victim.ids).json()["code"] == "app_disabled"

    @pytest.mark.parametrize("name", operations())
    def test_sets_a_cookie_or_needs_one(self, name: str, victim: Possessions) -> None:
        assert not call(victim.browser, name, victim.ids).cookies


class TestTheOwner:
    @pytest.mark.parametrize("name", operations())
    def test_reaches_everything(self, name: str, victim: Possessions) -> None:
        assert call(victim.browser, name, victim.ids).status_code not in (401, 403, 404, 405, 500)

    @pytest.mark.parametrize("name", ["chunks_put", "runs_seal"])
    def test_writes_a_run_from_its_own_device_only(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        second = account(tenant, "victim")
        assert call(second, name, victim.ids).status_code == 404
        assert second.get("/runs").json()["runs"] == []
        assert len(second.get("/runs?all=1").json()["runs"]) == 1

    def test_cannot_use_a_run_id_of_another_device(self, tenant: Tenant, victim: Possessions) -> None:
        token = issue_user_token(tenant.secret, "victim", app_key=tenant.key)
        answer = call(Browser(token=token), "runs_create", victim.ids)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_mismatch")

    def test_needs_a_device_to_write(self, victim: Possessions) -> None:
        victim.browser.device = None
        assert call(victim.browser, "runs_create", victim.ids).json()["code"] == "invalid_body"

    def test_tells_of_a_broken_header(self, victim: Possessions) -> None:
        broken = {
            "Migration-Device": ["", "x", "1" * 40],
            "Migration-Epoch": ["", "1", "1.2.3", "a.b", "1.-1", f"1.{'9' * 30}"],
            "Migration-Fence": ["", "-1", "1.0", "9" * 20, "٣".encode().decode("latin-1")],
        }
        for name, values in broken.items():
            for value in values:
                answer = victim.browser.get("/runs?all=1", **{name: value})
                assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body"), (name, value)
