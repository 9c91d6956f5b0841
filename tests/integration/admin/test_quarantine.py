"""An operator's way with refused entries: alike by cause, looked at, edited, tried again, given up, taken home."""

import json
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from migration.admin import causes
from migration.models import App, AuditLine, MigrationRun, QuarantineEntry, Replay
from migration.orchestration.quarantine import Cause
from migration.states import QuarantineState
from tests.factories.held import values_of
from tests.factories.loads import make_app, make_device, make_owner
from tests.factories.runs import completed_run
from tests.factories.workers import Worker
from tests.integration.admin.conftest import HOSTILE_TEXT

TYPED = [{"name": "todo", "patterns": ["todo:*"], "type": "object"}]
BAD = {"todo:8": "plain", "todo:9": f"text {HOSTILE_TEXT}"}


@pytest.fixture
def desk(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create(username="ada", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def run(transactional_db: None) -> MigrationRun:
    device = make_device(make_owner(make_app(collections=TYPED)))
    return completed_run(Worker(), {"todo:1": "{}", **BAD}, device=device)


def first(run: MigrationRun) -> QuarantineEntry:
    return QuarantineEntry.objects.filter(run=run).order_by("id")[0]


def allow_anything(run: MigrationRun) -> None:
    App.objects.filter(id=run.app_id).update(collections=[])


def form(**members: str) -> dict[str, str]:
    return {"idempotency_key": str(uuid4()), "word": "type_mismatch", **members}


class TestTheList:
    def test_leads_from_each_cause_to_its_page(self, desk: Client, run: MigrationRun) -> None:
        html = desk.get(reverse("admin:migration_quarantineentry_changelist")).content.decode()
        there = causes.address(Cause.of(first(run)))
        assert there.replace("&", "&amp;") in html
        assert desk.get(there).status_code == 200


class TestACause:
    def test_says_what_a_replay_would_do(self, desk: Client, run: MigrationRun) -> None:
        there = causes.address(Cause.of(first(run)))
        assert "are refused again" in desk.get(there).content.decode()
        allow_anything(run)
        assert "are loaded" in desk.get(there).content.decode()
        assert not Replay.objects.exists()

    def test_is_replayed_once_its_code_was_typed(self, desk: Client, run: MigrationRun) -> None:
        allow_anything(run)
        there = causes.address(Cause.of(first(run)))
        assert desk.post(there, form(verb="replay", word="wrong")).status_code == 302
        assert not Replay.objects.exists()
        desk.post(there, form(verb="replay"))
        Worker().work_until_done()
        assert values_of(run.owner) == {"todo:1": "{}", **BAD}
        assert "admin:ada" in desk.get(there).content.decode()

    def test_sending_the_form_twice_is_asking_once(self, desk: Client, run: MigrationRun) -> None:
        there, sent = causes.address(Cause.of(first(run))), form(verb="replay")
        for _ in range(2):
            desk.post(there, sent)
        assert Replay.objects.count() == 1

    def test_is_discarded_and_taken_back(self, desk: Client, run: MigrationRun) -> None:
        there = causes.address(Cause.of(first(run)))
        for verb, state in (("discard", QuarantineState.DISCARDED), ("reopen", QuarantineState.OPEN)):
            desk.post(there, form(verb=verb))
            assert set(QuarantineEntry.objects.values_list("state", flat=True)) == {state}

    def test_is_taken_home_with_every_line(self, desk: Client, run: MigrationRun) -> None:
        answer: Any = desk.post(causes.address(Cause.of(first(run))), {"verb": "export"})
        lines = b"".join(answer.streaming_content).splitlines()
        assert {tuple(json.loads(json.loads(line)["line"])) for line in lines} == set(BAD.items())
        assert AuditLine.objects.filter(action="quarantine_exported", actor="admin:ada").count() == 1

    @pytest.mark.parametrize("query", ["", "?app=nonsense", f"?app={UUID(int=1)}&code=x"])
    def test_of_no_app_is_a_404(self, desk: Client, query: str) -> None:
        assert desk.get(reverse("admin:migration_quarantineentry_cause") + query).status_code == 404


class TestAnEdit:
    def test_is_offered_with_the_revealed_value(self, desk: Client, run: MigrationRun) -> None:
        html = desk.post(reverse("admin:migration_quarantineentry_reveal", args=[first(run).id])).content.decode()
        assert ">\nplain</textarea>" in html

    def test_is_previewed_then_replayed(self, desk: Client, run: MigrationRun) -> None:
        there = reverse("admin:migration_quarantineentry_edit", args=[first(run).id])
        seen = desk.post(there, {"value": '{"text":"plain"}'})
        assert (seen.status_code, "are loaded" in seen.content.decode()) == (200, True)
        assert "no-store" in seen.headers["Cache-Control"]
        assert not Replay.objects.exists()
        desk.post(there, form(value='{"text":"plain"}', one="1"))
        Worker().work_until_done()
        assert values_of(run.owner) == {"todo:1": "{}", "todo:8": '{"text":"plain"}'}

    def test_keeps_line_ends_as_they_were_typed(self, desk: Client, run: MigrationRun) -> None:
        there = reverse("admin:migration_quarantineentry_edit", args=[first(run).id])
        desk.post(there, form(value='{\r\n"a":1}', one="1"))
        Worker().work_until_done()
        assert values_of(run.owner)["todo:8"] == '{\n"a":1}'

    def test_is_no_address_to_look_at(self, desk: Client, run: MigrationRun) -> None:
        assert desk.get(reverse("admin:migration_quarantineentry_edit", args=[first(run).id])).status_code == 405

    @pytest.mark.parametrize("value", ["\x00", "a\rb", "\ud800"])
    def test_is_not_offered_where_a_form_would_change_the_value(self, value: str, desk: Client) -> None:
        device = make_device(make_owner(make_app(collections=TYPED)))
        run = completed_run(Worker(), {"todo:1": value}, device=device)
        html = desk.post(reverse("admin:migration_quarantineentry_reveal", args=[first(run).id])).content.decode()
        assert "<textarea" not in html


class TestHostileWords:
    def test_stay_words(self, desk: Client, run: MigrationRun) -> None:
        QuarantineEntry.objects.update(code="x", collection=HOSTILE_TEXT, path=HOSTILE_TEXT)
        pages = [causes.address(Cause.of(first(run))), reverse("admin:migration_quarantineentry_changelist")]
        edited = desk.post(
            reverse("admin:migration_quarantineentry_edit", args=[first(run).id]), {"value": HOSTILE_TEXT}
        )
        for html in [*(desk.get(page).content.decode() for page in pages), edited.content.decode()]:
            assert "<script>alert(" not in html
            assert "<img src=x" not in html


class TestTheCommand:
    def said(self, *words: str, **options: Any) -> list[dict[str, Any]]:
        out = StringIO()
        call_command("migration_quarantine", *words, json=True, stdout=out, **options)
        return [json.loads(line) for line in out.getvalue().splitlines() if line]

    def test_lists_by_cause(self, run: MigrationRun) -> None:
        [row] = self.said("list", app=run.app.slug)
        assert (row["code"], row["collection"], row["state"], row["entries"]) == ("type_mismatch", "todo", "open", 2)

    def test_says_what_a_replay_would_do_and_does_it(self, run: MigrationRun) -> None:
        allow_anything(run)
        [row] = self.said("replay", app=run.app.slug, dry_run=True)
        assert row["would"] == {"replayed": 2, "refused": 0, "unfit": 0, "closed": 0}
        assert not Replay.objects.exists()
        self.said("replay", app=run.app.slug)
        Worker().work_until_done()
        assert values_of(run.owner) == {"todo:1": "{}", **BAD}

    def test_exports_discards_and_reopens(self, run: MigrationRun) -> None:
        assert len(self.said("export", app=run.app.slug)) == 2
        assert self.said("discard", app=run.app.slug) == [{"entries": 2}]
        assert self.said("reopen", app=run.app.slug, code="type_mismatch") == [{"entries": 2}]

    @pytest.mark.parametrize(
        ("words", "app", "code"),
        [(["list"], "nowhere", 2), (["reopen"], None, 3), (["discard", "--code=odd"], None, 3)],
    )
    def test_ends_with_a_code_that_says_why(
        self, words: list[str], app: str | None, code: int, run: MigrationRun
    ) -> None:
        with pytest.raises(CommandError) as found:
            call_command("migration_quarantine", *words, app=app or run.app.slug, stdout=StringIO())
        assert found.value.returncode == code
