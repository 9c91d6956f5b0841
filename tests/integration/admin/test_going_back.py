"""Rollback and undo from the admin, down to the records: preview, typed word, audit, worker, progress."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from migration.models import AuditLine, MigrationRun, Owner, Rollback, RollbackPoint
from tests.factories.doors import Browser, Tenant, account, make_tenant, owner_of
from tests.factories.held import values_of
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = todos(4)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def phone(tenant: Tenant) -> Browser:
    return account(tenant, "user-1")


@pytest.fixture
def owner(phone: Browser, tenant: Tenant, worker: Worker) -> Owner:
    """An owner whose first run is completed."""
    phone.upload(FIRST)
    worker.work_until_done()
    return owner_of(phone, tenant)


@pytest.fixture
def run(owner: Owner) -> MigrationRun:
    run = MigrationRun.objects.get(owner=owner)
    assert run.state == "completed"
    return run


def page_of(run: MigrationRun) -> str:
    return reverse("admin:migration_migrationrun_rollback", args=[run.id])


def key_in(html: str) -> str:
    (key,) = re.findall(r'name="idempotency_key" value="([^"]+)"', html)
    return str(key)


def confirm(desk: Client, page: str, word: object, *, follow: bool = True) -> str:
    """Open the page, type the word's beginning, send the form; return what the user sees then."""
    key = key_in(desk.get(page).content.decode())
    return desk.post(page, {"word": str(word)[:8], "idempotency_key": key}, follow=follow).content.decode()


class TestRollback:
    def test_is_previewed_before_anything_is_done(self, desk: Client, run: MigrationRun, owner: Owner) -> None:
        html = desk.get(page_of(run)).content.decode()
        assert "<b>4</b> <span>are removed</span>" in html
        assert "<b>0</b> <span>are kept</span>" in html
        assert f'Type <code class="m-code">{str(run.id)[:8]}</code>' in html
        assert values_of(owner) == FIRST
        assert not Rollback.objects.exists()

    @pytest.mark.parametrize("word", ["", "yes", "00000000"])
    def test_is_not_done_without_the_word(self, desk: Client, run: MigrationRun, word: str) -> None:
        answer = desk.post(page_of(run), {"word": word, "idempotency_key": str(uuid4())})
        assert answer.status_code == 422
        assert not Rollback.objects.exists()
        assert MigrationRun.objects.get(id=run.id).state == "completed"

    def test_is_asked_for_audited_and_done_by_a_worker(
        self, desk: Client, run: MigrationRun, owner: Owner, worker: Worker
    ) -> None:
        html = confirm(desk, page_of(run), run.id)
        assert "m-badge-rolling_back" in html
        assert values_of(owner) == FIRST
        asked = AuditLine.objects.get(action="rollback_requested")
        assert (asked.actor, asked.owner_id) == ("admin:ada", owner.id)

        worker.work_until_done()

        assert set(values_of(owner).values()) == {None}
        html = desk.get(reverse("admin:migration_migrationrun_change", args=[run.id])).content.decode()
        assert "m-badge-rolled_back" in html
        assert "Undo…" in html
        assert "Roll back…" not in html
        assert AuditLine.objects.get(action="rollback_done").actor == "admin:ada"

    def test_keeps_and_lists_what_was_edited_since(
        self, desk: Client, run: MigrationRun, owner: Owner, phone: Browser, tenant: Tenant, worker: Worker
    ) -> None:
        account(tenant, "user-1").upload({"todo:2": '"edited on the laptop"'})
        worker.work_until_done()

        html = desk.get(page_of(run)).content.decode()
        assert "<b>3</b> <span>are removed</span>" in html
        assert "<b>1</b> <span>are kept</span>" in html
        assert "&quot;todo:2&quot;" in html

        confirm(desk, page_of(run), run.id)
        worker.work_until_done()
        assert values_of(owner)["todo:2"] == '"edited on the laptop"'

    def test_of_a_form_sent_twice_is_one(self, desk: Client, run: MigrationRun, worker: Worker) -> None:
        form = {"word": str(run.id)[:8], "idempotency_key": key_in(desk.get(page_of(run)).content.decode())}
        for _ in range(2):
            assert desk.post(page_of(run), form).status_code == 302
        worker.work_until_done()
        desk.post(page_of(run), form)
        assert Rollback.objects.count() == 1
        assert AuditLine.objects.filter(action="rollback_requested").count() == 1

    def test_is_refused_with_reasons_and_without_a_form(self, desk: Client, run: MigrationRun, worker: Worker) -> None:
        confirm(desk, page_of(run), run.id)
        worker.work_until_done()
        html = desk.get(page_of(run)).content.decode()
        assert "already_rolled_back" in html
        assert 'name="word"' not in html

    def test_leaves_no_trace_when_its_transaction_fails(
        self, desk: Client, run: MigrationRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from migration import dispatch

        def fail() -> None:
            raise RuntimeError("as it happens")

        key = key_in(desk.get(page_of(run)).content.decode())
        monkeypatch.setattr(dispatch, "ring", fail)
        desk.raise_request_exception = False
        assert desk.post(page_of(run), {"word": str(run.id)[:8], "idempotency_key": key}).status_code == 500
        assert not Rollback.objects.exists()
        assert not AuditLine.objects.filter(action="rollback_requested").exists()
        assert MigrationRun.objects.get(id=run.id).state == "completed"


class TestUndo:
    def test_gives_everything_back_and_can_be_undone_again(
        self, desk: Client, run: MigrationRun, owner: Owner, worker: Worker
    ) -> None:
        confirm(desk, page_of(run), run.id)
        worker.work_until_done()
        rollback = Rollback.objects.get()

        page = reverse("admin:migration_rollback_undo", args=[rollback.id])
        assert "<b>4</b> <span>go back</span>" in desk.get(page).content.decode()
        confirm(desk, page, rollback.id)
        worker.work_until_done()

        assert values_of(owner) == FIRST
        undo = Rollback.objects.get(undoes=rollback)
        assert (undo.state, undo.actor) == ("done", "admin:ada")
        html = desk.get(reverse("admin:migration_migrationrun_change", args=[run.id])).content.decode()
        assert html.count("Undo…") == 1
        assert reverse("admin:migration_rollback_undo", args=[undo.id]) in html


class TestPoint:
    def test_takes_the_whole_owner_back_and_shows_where_it_stands(
        self, desk: Client, run: MigrationRun, owner: Owner, phone: Browser, tenant: Tenant, worker: Worker
    ) -> None:
        answer = phone.post("/rollback-points", {"name": "before the edit"})
        assert answer.status_code in {200, 201}
        point = RollbackPoint.objects.get(name="before the edit")
        account(tenant, "user-1").upload({"todo:1": '"edited"', "todo:9": '"new"'})
        worker.work_until_done()

        page = reverse("admin:migration_rollbackpoint_rollback", args=[point.id])
        html = desk.get(page).content.decode()
        assert "<b>1</b> <span>go back</span>" in html
        assert "<b>1</b> <span>are removed</span>" in html
        assert "m-badge-requested" in confirm(desk, page, point.id)

        rollback = Rollback.objects.get()
        waiting = reverse("admin:migration_rollback_change", args=[rollback.id])
        state = reverse("admin:migration_rollback_state", args=[rollback.id])
        assert f'data-wait="{state}"' in desk.get(waiting).content.decode()
        worker.work_until_done()
        assert desk.get(state).json() == {"state": "done"}
        assert values_of(owner) == {**FIRST, "todo:9": None}


def test_needs_the_right_to_act(run: MigrationRun) -> None:
    watcher = Client()
    watcher.force_login(User.objects.create(username="watcher", is_staff=True))
    assert watcher.get(page_of(run)).status_code == 403
    assert watcher.post(page_of(run), {"word": str(run.id)[:8]}).status_code == 403
