"""Nothing of an erased owner is left in any column of any table, whatever was going on, and nothing comes back."""

from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from migration.config import FaultInjected
from migration.custody import ELSEWHERE
from migration.errors import NotFound
from migration.loading import LoadEngine
from migration.models import AuditLine, Erasure, MigrationRun, Record
from migration.orchestration import erasing
from tests.factories.canaries import Traced, traced_owner
from tests.factories.doors import Browser, account, at_once, owner_of
from tests.factories.dump import tables_with
from tests.factories.held import values_of
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)
ERASE = {"confirm": "erase"}


@pytest.fixture
def traced() -> Traced:
    return traced_owner()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "MOST", 2)


def nothing_left(traced: Traced, ids: list[str]) -> None:
    assert tables_with(traced.words) == {}
    assert set(tables_with(ids)) <= set(ELSEWHERE)


def finish(erasure: Erasure) -> None:
    erasing.erase(erasure.id, clock=timezone.now)


class TestErasing:
    @pytest.mark.usefixtures("small_batches")
    def test_leaves_nothing_in_any_column_of_any_table(self, traced: Traced) -> None:
        ids, before = traced.ids(), tables_with(traced.words)
        held = {
            *("migration_owner", "migration_device", "migration_record", "migration_record_version"),
            *("migration_conflict", "migration_quarantineentry", "migration_migrationrun", "migration_rollbackpoint"),
        }
        assert held <= set(before), "the search must be able to find what is there"
        assert {word for words in before.values() for word in words} >= set(traced.words) - _sealed_only(traced)
        assert traced.first.post("/owner/erase", ERASE).status_code == 202
        Worker().work_until_done()
        nothing_left(traced, ids)
        assert Erasure.objects.get().state == "done"

    def test_leaves_others_as_they_were(self, traced: Traced) -> None:
        other = account(traced.tenant)
        other.upload(todos(5))
        Worker().work_until_done()
        finish(erasing.request_erasure(owner_id=traced.owner.id, actor="test", at=timezone.now()))
        assert values_of(owner_of(other, traced.tenant)) == todos(5)
        assert other.get("/backups").json()["backups"][0]["entries"] == 5

    def test_says_who_when_and_how_much_but_not_what(self, traced: Traced) -> None:
        records = Record.objects.filter(owner_id=traced.owner.id).count()
        finish(erasing.request_erasure(owner_id=traced.owner.id, actor="admin:ada", at=timezone.now()))
        asked, done = AuditLine.objects.filter(action__startswith="erasure").order_by("id")
        assert (asked.actor, asked.action, done.action) == ("admin:ada", "erasure_requested", "erasure_done")
        assert done.data["deleted"]["migration_record"] == records
        assert Erasure.objects.get().mark is None

    def test_asked_again_is_asked_once(self, traced: Traced) -> None:
        first = erasing.request_erasure(owner_id=traced.owner.id, actor="one", at=timezone.now())
        again = erasing.request_erasure(owner_id=traced.owner.id, actor="two", at=timezone.now())
        finish(first)
        finish(first)
        late = erasing.request_erasure(owner_id=traced.owner.id, actor="three", at=timezone.now())
        assert {first.id, again.id, late.id} == {Erasure.objects.get().id}
        assert AuditLine.objects.filter(action="erasure_done").count() == 1

    def test_asked_by_many_at_once_is_asked_once(self, traced: Traced) -> None:
        answers = at_once(6, lambda _: traced.first.post("/owner/erase", ERASE).status_code)
        assert set(answers) <= {202, 410}
        assert 202 in answers
        assert Erasure.objects.count() == 1

    def test_needs_the_word(self, traced: Traced) -> None:
        for body in ({}, {"confirm": ""}, {"confirm": "yes"}, {"confirm": True}):
            assert traced.first.post("/owner/erase", body).status_code == 422
        assert Erasure.objects.count() == 0

    def test_of_nobody_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            erasing.request_erasure(owner_id=uuid4(), actor="test", at=timezone.now())

    @pytest.mark.usefixtures("small_batches")
    @pytest.mark.parametrize("passing", [1, 6])
    @pytest.mark.parametrize("point", ["erase.before_commit", "erase.after_commit"])
    def test_that_dies_anywhere_goes_on_where_it_was(
        self, point: str, passing: int, traced: Traced, armed: Any
    ) -> None:
        ids = traced.ids()
        erasure = erasing.request_erasure(owner_id=traced.owner.id, actor="test", at=timezone.now())
        with armed(f"{point}:{passing}:raise"), pytest.raises(FaultInjected):
            finish(erasure)
        assert traced.first.get("/records").status_code == 410
        Worker().work_until_done()
        nothing_left(traced, ids)


class TestErasingAnOwnerWhoseRunIsUnderWay:
    def test_stops_the_run_and_leaves_nothing(self) -> None:
        traced = traced_owner(finish=False)
        ids, worker = traced.ids(), Worker()
        claims = worker.claim()
        parts = worker.prepare(claims)
        assert parts
        erasure = erasing.request_erasure(owner_id=traced.owner.id, actor="test", at=timezone.now())
        assert worker.load(claims).outcomes == {}
        finish(erasure)
        Worker().work_until_done()
        nothing_left(traced, ids)

    def test_makes_the_batch_fail_whose_chunks_are_gone(self) -> None:
        traced = traced_owner(finish=False)
        ids, worker = traced.ids(), Worker()
        claims = worker.claim()
        plans = worker.prepare(claims)
        finish(erasing.request_erasure(owner_id=traced.owner.id, actor="test", at=timezone.now()))
        assert LoadEngine().load(plans, at=timezone.now()).outcomes == {}
        Worker().work_until_done()
        nothing_left(traced, ids)

    @pytest.mark.parametrize(
        "point", ["claim.after_commit", "load.after_stage", "load.before_commit", "load.after_commit"]
    )
    def test_at_any_moment_of_a_batch_leaves_nothing(self, point: str, armed: Any) -> None:
        traced = traced_owner(finish=False)
        ids = traced.ids()
        with armed(f"{point}:1:raise"), suppress(FaultInjected):
            Worker().work()
        erasing.request_erasure(owner_id=traced.owner.id, actor="test", at=timezone.now())
        Worker().work_until_done()
        nothing_left(traced, ids)

    def test_with_a_rollback_waiting_leaves_nothing(self, traced: Traced) -> None:
        ids = traced.ids()
        point = traced.first.get("/rollback-points").json()["points"][-1]["id"]
        order = {"idempotency_key": str(uuid4())}
        assert traced.first.post(f"/rollback-points/{point}/rollback", order).status_code == 202
        erasing.request_erasure(owner_id=traced.owner.id, actor="test", at=timezone.now())
        Worker().work_until_done()
        nothing_left(traced, ids)

    def test_while_requests_pour_in_answers_each_of_them_the_same(self, traced: Traced) -> None:
        ids = traced.ids()

        def ask(number: int) -> Any:
            if number == 3:
                return traced.first.post("/owner/erase", ERASE)
            browser = Browser(token=traced.first.token, device=traced.first.device, extra=traced.first.extra)
            return browser.create(todos(2, first=number), seal=False)

        answers = at_once(8, ask)
        assert {answer.status_code for answer in answers} <= {201, 202, 410, 409}
        Worker().work_until_done()
        assert {answer.json().get("code") for answer in answers} <= {None, "erased", "stale_epoch"}
        nothing_left(traced, ids)
        assert not MigrationRun.objects.filter(owner_id=traced.owner.id).exists()


def _sealed_only(traced: Traced) -> set[str]:
    """Words that only a backup holds: its bytes are sealed, so the search cannot see them."""
    return {
        word for word in traced.words if word.startswith(("canarydry", "canarytried", "canaryonly", "canarybackup"))
    }


class TestTheCommand:
    def test_erases_once_the_word_is_typed(self, traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
        ids, owner = traced.ids(), str(traced.owner.id)
        monkeypatch.setattr("builtins.input", lambda _: "no")
        with pytest.raises(CommandError, match="Nothing was erased"):
            call_command("migration_owner", "erase", owner)
        assert Erasure.objects.count() == 0
        monkeypatch.setattr("builtins.input", lambda _: "erase")
        call_command("migration_owner", "erase", owner)
        nothing_left(traced, ids)

    def test_of_nobody_says_so(self) -> None:
        with pytest.raises(CommandError, match="no such owner"):
            call_command("migration_owner", "erase", str(uuid4()), "--yes")
