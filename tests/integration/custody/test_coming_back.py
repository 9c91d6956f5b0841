"""Whoever was erased is refused, on every device and under every token, until they choose to start anew."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from migration.api.tokens import issue_user_token
from migration.models import AuditLine, Owner, Tombstone
from migration.orchestration import erasing
from tests.factories.doors import Browser, Tenant, account, at_once, guest_id, make_tenant, owner_of
from tests.factories.held import values_of
from tests.factories.uploads import chunk_of, todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)
ERASE = {"confirm": "erase"}


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def erased(browser: Browser) -> None:
    assert browser.post("/owner/erase", ERASE).status_code == 202
    Worker().work_until_done()


def refused(answer: Any) -> None:
    assert (answer.status_code, answer.json()["code"]) == (410, "erased")


class TestAnAccount:
    def test_is_refused_with_an_old_token_an_old_run_and_an_offline_device(self, tenant: Tenant) -> None:
        first, second = (account(tenant, "ada") for _ in range(2))
        run_id = first.create(todos(2)).json()["id"]
        assert second.get("/runs").status_code == 200
        erased(first)
        refused(first.put(run_id, chunk_of(todos(2))))
        refused(first.create(todos(2)))
        refused(second.create(todos(2)))
        refused(account(tenant, "ada").create(todos(2)))
        refused(first.get("/records"))
        refused(first.post("/owner/erase", ERASE))
        assert Owner.objects.count() == 0

    def test_begins_with_nothing_once_it_says_so(self, tenant: Tenant) -> None:
        browser = account(tenant, "ada")
        browser.upload(todos(3))
        Worker().work_until_done()
        before = owner_of(browser, tenant)
        erased(browser)
        began = browser.post("/owner/anew")
        assert began.status_code == 200
        owner = owner_of(browser, tenant)
        assert began.json() == {"owner": str(owner.id), "epoch": f"1.{owner.epoch}"}
        assert owner.id != before.id
        assert owner.epoch > before.epoch + 1
        assert values_of(owner) == {}
        assert Tombstone.objects.count() == 0
        browser.upload(todos(2))
        Worker().work_until_done()
        assert values_of(owner) == todos(2)
        assert AuditLine.objects.filter(action="owner_anew", owner_id=owner.id).count() == 1

    def test_is_still_refused_on_a_device_that_has_not_said_so(self, tenant: Tenant) -> None:
        first, second = (account(tenant, "ada") for _ in range(2))
        assert second.get("/runs").status_code == 200
        erased(first)
        assert first.post("/owner/anew").status_code == 200
        refused(second.create(todos(2)))
        assert account(tenant, "ada").get("/runs").status_code == 200, "a device never seen before holds nothing erased"
        assert second.post("/owner/anew").status_code == 200
        assert second.create(todos(2)).status_code == 201

    def test_that_writes_under_an_older_epoch_is_told_so(self, tenant: Tenant) -> None:
        browser = account(tenant, "ada")
        told = browser.get("/runs").headers["Migration-Epoch"]
        erased(browser)
        assert browser.post("/owner/anew").status_code == 200
        stale = browser.get("/runs", **{"Migration-Epoch": told})
        assert (stale.status_code, stale.json()["code"]) == (409, "stale_epoch")

    def test_may_be_erased_again(self, tenant: Tenant) -> None:
        browser = account(tenant, "ada")
        for _ in range(3):
            assert browser.post("/owner/anew").status_code == 200
            erased(browser)
            refused(browser.get("/runs"))

    def test_that_was_never_erased_changes_nothing_by_asking(self, tenant: Tenant) -> None:
        browser = account(tenant, "ada")
        assert browser.get("/runs").status_code == 200
        before = owner_of(browser, tenant)
        assert browser.post("/owner/anew").json()["owner"] == str(before.id)
        assert AuditLine.objects.filter(action="owner_anew").count() == 0

    def test_is_one_owner_however_many_begin_at_once(self, tenant: Tenant) -> None:
        browser = account(tenant, "ada")
        erased(browser)
        tokens = [Browser(token=browser.token) for _ in range(6)]
        answers = at_once(6, lambda number: tokens[number].post("/owner/anew").json())
        assert len({answer["owner"] for answer in answers}) == 1

    def test_of_the_same_name_in_another_app_or_as_another_kind_is_somebody_else(self, tenant: Tenant) -> None:
        erased(account(tenant, "ada"))
        assert account(make_tenant(), "ada").get("/runs").status_code == 200
        assert account(tenant, "ada2").get("/runs").status_code == 200


class TestAGuest:
    def test_is_refused_under_its_old_id_until_it_begins_anew(self, tenant: Tenant) -> None:
        order = {"app_key": tenant.key, "guest": guest_id()}
        browser = Browser()
        browser.token = browser.post("/sessions", order).json()["token"]
        assert browser.create(todos(2)).status_code == 201
        erased(browser)
        assert browser.create(todos(2)).status_code == 401
        refused(browser.post("/sessions", order))
        assert Owner.objects.count() == 0
        browser.token = browser.post("/sessions", {**order, "anew": True}).json()["token"]
        assert browser.create(todos(2)).status_code == 201

    def test_that_comes_back_within_its_session_stays_the_same(self, tenant: Tenant) -> None:
        browser = Browser()
        browser.token = browser.post("/sessions", {"app_key": tenant.key, "guest": guest_id()}).json()["token"]
        Owner.objects.update(last_seen_at=timezone.now() - timedelta(hours=2))
        assert browser.create(todos(1)).status_code == 201
        assert Owner.objects.count() == 1
        assert owner_of(browser, tenant).last_seen_at > timezone.now() - timedelta(minutes=5)


class TestTombstones:
    def test_name_nobody(self, tenant: Tenant) -> None:
        browser = account(tenant, "ada-of-many-letters")
        owner = (browser.get("/runs"), owner_of(browser, tenant))[1]
        erased(browser)
        marks = {bytes(mark) for mark in Tombstone.objects.values_list("mark", flat=True)}
        assert len(marks) == 2, "the owner's and the device's"
        assert all(len(mark) == 32 for mark in marks)
        assert not any(part in mark for mark in marks for part in (b"ada-of-many-letters", owner.id.bytes))

    def test_cannot_be_outrun_by_a_first_request(self, tenant: Tenant) -> None:
        token = issue_user_token(tenant.secret, "ada", app_key=tenant.key)
        first = Browser(token=token)
        assert first.get("/runs").status_code == 200
        owner_id = owner_of(first, tenant).id

        def act(number: int) -> int:
            if number == 0:
                erasing.request_erasure(owner_id=owner_id, actor="test", at=timezone.now())
                return 202
            return int(Browser(token=token, device=str(uuid4())).create(todos(1)).status_code)

        assert set(at_once(8, act)) <= {201, 202, 409, 410}
        Worker().work_until_done()
        assert Owner.objects.count() == 0
