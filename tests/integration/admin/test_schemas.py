"""Schemas in the admin: drift is shown, a schema is edited, previewed and pinned with a typed word, and taken away."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from migration.models import AuditLine, CollectionSchema, MigrationRun, QuarantineEntry
from tests.factories.samples import fold_all, load_notes, schema_of_notes
from tests.factories.workers import Worker
from tests.integration.admin.conftest import World
from tests.integration.admin.test_pages import assert_harmless

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary-91c7"
SHORT = '{"type":"object","properties":{"title":{"maxLength":3}}}'


@pytest.fixture
def run() -> MigrationRun:
    run = load_notes(Worker(), [{"title": "one"}, {"title": CANARY}])
    fold_all()
    return run


def page(run: MigrationRun, verb: str = "pin") -> str:
    return reverse(f"admin:migration_collectionschema_{verb}", args=[schema_of_notes(run).pk])


def form(**fields: str) -> dict[str, str]:
    return {"schema": SHORT, "over": "0", **fields}


class TestPage:
    def test_shows_schema_counts_and_examples_but_no_value(self, desk: Client, run: MigrationRun) -> None:
        html = desk.get(page(run, "change")).content.decode()
        assert "&quot;title&quot;" in html
        assert CANARY not in html
        assert f"/migration/record/{run.owner_id}/" in html

    def test_of_hostile_words_is_harmless(self, desk: Client, world: World) -> None:
        schema = CollectionSchema.objects.get()
        for verb in ("change", "pin"):
            html = desk.get(reverse(f"admin:migration_collectionschema_{verb}", args=[schema.pk])).content.decode()
            if verb == "change":
                assert_harmless(html)
            assert "<script>alert" not in html


class TestPin:
    def test_is_previewed_first(self, desk: Client, run: MigrationRun) -> None:
        html = desk.post(page(run), form()).content.decode()
        assert "Of the newest 2 sampled entries that are still held, <b>1</b> would be refused." in html
        assert CANARY not in html
        assert schema_of_notes(run).pinned is None

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"do": "1"}, "Type pin to go on."),
            ({"do": "1", "word": "PIN!"}, "Type pin to go on."),
            ({"do": "1", "word": "pin", "schema": '{"$ref":"https://example.com"}'}, "$ref leads outside"),
            ({"do": "1", "word": "pin", "schema": "{"}, "It is not JSON"),
            ({"do": "1", "word": "pin", "over": "7"}, "was pinned in the meantime"),
            ({"do": "1", "word": "pin", "over": "x"}, "The form was damaged"),
        ],
    )
    def test_is_refused_with_a_reason(
        self, desk: Client, run: MigrationRun, fields: dict[str, str], words: str
    ) -> None:
        answer = desk.post(page(run), form(**fields))
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert schema_of_notes(run).pinned is None

    def test_holds_entries_to_it_until_it_is_taken_away(self, desk: Client, run: MigrationRun) -> None:
        desk.post(page(run), form(do="1", word="pin"))
        load_notes(Worker(), [{"title": "long title"}], device=run.device, start=50)
        assert QuarantineEntry.objects.get().path == "/title"
        desk.post(page(run, "unpin"), {"word": "no"})
        assert schema_of_notes(run).pinned is not None
        desk.post(page(run, "unpin"), {"word": "unpin"})
        assert schema_of_notes(run).pinned is None
        lines = list(AuditLine.objects.order_by("id").values_list("actor", "action"))
        assert lines == [("admin:ada", "schema_pinned"), ("admin:ada", "schema_unpinned")]

    @pytest.mark.parametrize("verb", ["pin", "unpin", "dismiss"])
    def test_is_for_those_who_may_change(self, run: MigrationRun, verb: str) -> None:
        reader = User.objects.create(username="reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="view_collectionschema"))
        client = Client()
        client.force_login(reader)
        assert client.post(page(run, verb), form(do="1", word=verb)).status_code == 403
        assert schema_of_notes(run).pinned is None
