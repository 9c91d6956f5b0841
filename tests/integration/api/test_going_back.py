"""Owners take their own data back through the API: a collection or a record, previewed, undone, and nobody else's."""

import json
from typing import Any
from uuid import uuid4

import pytest

from migration.api import answers
from migration.models import Conflict, Owner
from tests.factories.doors import Browser, Tenant, account, make_tenant, owner_of
from tests.factories.held import values_of
from tests.factories.ops import Writer
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)
ODD = '\ud800"\x00'


@pytest.fixture
def tenant() -> Tenant:
    collections = [{"name": "todo", "patterns": ["todo:*"]}]
    return make_tenant(collections=collections, conflict_policy="AUTO_OVERWRITE")


@pytest.fixture
def writer(tenant: Tenant) -> Writer:
    writer = Writer(account(tenant, "user"))
    for key in ("todo:1", "todo:2", "note", ODD):
        writer.write(key, "old")
    return writer


@pytest.fixture
def point(writer: Writer) -> str:
    """A point, and an edit of everything after it."""
    made = writer.browser.post("/rollback-points", {"name": "noon"}).json()["id"]
    for key in ("todo:1", "todo:2", "note", ODD):
        writer.write(key, "new")
    return str(made)


@pytest.fixture
def owner(writer: Writer, tenant: Tenant) -> Owner:
    return owner_of(writer.browser, tenant)


def take_back(browser: Browser, point: str, **part: str) -> dict[str, Any]:
    """Ask for it, let a worker do it, return what it came to."""
    asked = browser.post(f"/rollback-points/{point}/rollback", {"idempotency_key": str(uuid4()), **part})
    assert asked.status_code == 202, asked.content
    Worker().work_until_done()
    return dict(browser.get(f"/rollbacks/{asked.json()['id']}").json())


class TestACollection:
    def test_goes_back_as_previewed_and_forth_again(self, writer: Writer, point: str, owner: Owner) -> None:
        browser = writer.browser
        told = browser.get(f"/rollback-points/{point}/rollback?collection=todo").json()
        assert set(told) == set(answers.RollbackPreview.__struct_fields__)
        assert (told["scope"], told["reverted"], told["journaled"], told["deleted"]) == ("collection", 2, 2, 0)
        done = take_back(browser, point, collection="todo")
        assert set(done) == set(answers.Rollback.__struct_fields__)
        assert (done["state"], done["reverted"], done["journaled"], done["collection"]) == ("done", 2, 2, "todo")
        assert values_of(owner) == {"todo:1": "old", "todo:2": "old", "note": "new", ODD: "new"}
        browser.post(f"/rollbacks/{done['id']}/undo", {"idempotency_key": str(uuid4())})
        Worker().work_until_done()
        assert set(values_of(owner).values()) == {"new"}


class TestARecord:
    def test_goes_back_alone_whatever_its_key(self, writer: Writer, point: str, owner: Owner) -> None:
        done = take_back(writer.browser, point, key_json=json.dumps(ODD))
        assert (done["scope"], done["reverted"], json.loads(done["key_json"])) == ("record", 1, ODD)
        assert values_of(owner) == {"todo:1": "new", "todo:2": "new", "note": "new", ODD: "old"}

    def test_leaves_the_edit_in_the_conflicts_to_be_restored(self, writer: Writer, point: str, owner: Owner) -> None:
        take_back(writer.browser, point, key_json='"note"')
        lost = Conflict.objects.get(owner_id=owner.id)
        assert (lost.policy, lost.loser_value) == ("ROLLBACK", '"new"')
        assert writer.browser.post(f"/conflicts/{lost.id}/resolve", {"choice": "local"}).status_code == 200
        assert values_of(owner)["note"] == "new"

    @pytest.mark.parametrize(
        "part",
        [
            {"key_json": "note"},
            {"key_json": "1"},
            {"key_json": ""},
            {"collection": "todo", "key_json": '"note"'},
        ],
    )
    def test_is_refused_where_it_cannot_be_read(self, writer: Writer, point: str, part: dict[str, str]) -> None:
        body = {"idempotency_key": str(uuid4()), **part}
        refused = writer.browser.post(f"/rollback-points/{point}/rollback", body)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")

    def test_of_one_key_is_not_what_another_was_asked_for_under_its_idempotency_key(
        self, writer: Writer, point: str
    ) -> None:
        body = {"idempotency_key": str(uuid4()), "key_json": '"note"'}
        first, again = (writer.browser.post(f"/rollback-points/{point}/rollback", body) for _ in range(2))
        assert first.json()["id"] == again.json()["id"]
        other = writer.browser.post(f"/rollback-points/{point}/rollback", {**body, "key_json": '"todo:1"'})
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_what_is_anothers_stays_there(writer: Writer, point: str, tenant: Tenant) -> None:
    done = take_back(writer.browser, point, collection="todo")
    stranger = account(tenant, "somebody else")
    assert stranger.get(f"/rollback-points/{point}/rollback?collection=todo").status_code == 404
    undo = stranger.post(f"/rollbacks/{done['id']}/undo", {"idempotency_key": str(uuid4())})
    assert undo.status_code == 404


def test_a_name_no_collection_can_have_is_refused(writer: Writer, point: str) -> None:
    refused = writer.browser.get(f"/rollback-points/{point}/rollback?collection=%00")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")
