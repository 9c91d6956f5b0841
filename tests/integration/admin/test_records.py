"""Records: found by what an operator knows of them, shown without their values, revealed once and on the record."""

import re
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration.models import AuditLine, Conflict, Owner
from migration.models.records import Form
from migration.records import Place, browsing
from migration.values.digests import key_hash, to_wire
from migration.values.lines import literal
from tests.factories.loads import make_app, make_owner
from tests.factories.writes import write
from tests.integration.admin.conftest import HOSTILE
from tests.integration.admin.test_pages import assert_harmless

pytestmark = pytest.mark.django_db

SECRET = "the-users-own-value-<b>"


def hold(owner: Owner, key: str, *values: str | None) -> Place:
    """Write these values under a key, one after the other, and return where the record stands."""
    for value in values:
        write(owner, key, value)
    return owner.id, "default", key_hash(literal(key))


def address(place: Place, name: str = "record") -> str:
    return f"{reverse(f'admin:migration_{name}', args=[place[0], to_wire(place[2])])}?in={place[1]}"


def keys(client: Client, **query: object) -> list[str]:
    """The keys a search finds, over as many pages as there are."""
    found: list[str] = []
    for _ in range(50):
        response = client.get(reverse("admin:migration_records"), query)
        assert response.status_code == 200
        found += re.findall(r'class="m-key"><a [^>]*>&quot;(.*?)&quot;</a>', response.content.decode())
        following = re.search(r"[?&;]after=([^\"&]+)", response.content.decode())
        if following is None:
            return found
        query = {**query, "after": unquote(following[1])}
    raise AssertionError("pages without end")


@pytest.fixture
def owner() -> Owner:
    return make_owner()


class TestSearch:
    def test_finds_an_owners_records_by_the_owners_id_or_by_the_users(self, desk: Client, owner: Owner) -> None:
        hold(owner, "todo:1", SECRET)
        hold(make_owner(), "of another", SECRET)
        assert keys(desk, owner=str(owner.id)) == ["todo:1"]
        assert keys(desk, owner=str(owner.id)[:8]) == ["todo:1"]
        assert keys(desk, owner=owner.subject) == ["todo:1"]

    def test_finds_a_key_within_one_owner_one_app_or_everywhere(self, desk: Client, owner: Owner) -> None:
        neighbour, stranger = make_owner(owner.app), make_owner()
        for one in (owner, neighbour, stranger):
            hold(one, "settings", SECRET)
            hold(one, "settings:other", SECRET)
        assert keys(desk, key="settings", owner=str(owner.id)) == ["settings"]
        assert keys(desk, key="settings", app=owner.app_id) == ["settings"] * 2
        assert keys(desk, key="settings") == ["settings"] * 3
        assert keys(desk, key="setting") == []

    def test_finds_the_beginning_of_a_key_within_an_owner_only(self, desk: Client, owner: Owner) -> None:
        for key in ("todo:1", "todo:2", "note:1", "todo%", 'todo"\\'):
            hold(owner, key, SECRET)
        assert sorted(keys(desk, how="begins", key="todo:", owner=str(owner.id))) == ["todo:1", "todo:2"]
        assert keys(desk, how="begins", key="todo%", owner=str(owner.id)) == ["todo%"]
        assert len(keys(desk, how="begins", key='todo"', owner=str(owner.id))) == 1
        answer = desk.get(reverse("admin:migration_records"), {"how": "begins", "key": "todo"})
        assert "name the owner too" in answer.content.decode()

    @pytest.mark.parametrize("query", [{}, {"app": "of"}, {"owner": "of"}])
    def test_shows_each_record_once_over_all_pages(
        self, desk: Client, owner: Owner, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = {f"key {number}" for number in range(browsing.PAGE * 2 + 7)}
        for key in expected:
            hold(owner, key, SECRET)
        filters = {"app": str(owner.app_id)} if "app" in query else {"owner": str(owner.id)} if query else {}
        found = keys(desk, **filters)
        assert len(found) == len(expected)
        assert set(found) == expected

    def test_looks_further_where_a_page_has_looked_at_enough(
        self, desk: Client, owner: Owner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        smaller = browsing._LAST_OF_OWNER.replace(f"OFFSET {browsing.RECORDS_A_PAGE - 1}", "OFFSET 6")
        monkeypatch.setattr(browsing, "_LAST_OF_OWNER", smaller)
        for number in range(30):
            hold(owner, f"note:{number}", SECRET)
        hold(owner, "todo:1", SECRET)
        assert keys(desk, how="begins", key="todo", owner=str(owner.id)) == ["todo:1"]

    def test_asks_further_owners_where_a_page_has_asked_enough(
        self, desk: Client, owner: Owner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(browsing, "OWNERS_A_PAGE", 3)
        monkeypatch.setattr(browsing, "_OWNERS", re.sub(r"LIMIT \d+", "LIMIT 3", browsing._OWNERS))
        for _ in range(10):
            hold(make_owner(owner.app), "settings", SECRET)
        assert keys(desk, key="settings", app=owner.app_id) == ["settings"] * 10

    def test_offers_the_owners_when_several_are_meant(self, desk: Client) -> None:
        ada, other = make_owner(), make_owner()
        Owner.objects.filter(id__in=[ada.id, other.id]).update(subject="ada")
        html = desk.get(reverse("admin:migration_records"), {"owner": "ada"}).content.decode()
        assert "Which owner?" in html
        assert str(ada.id) in html
        assert str(other.id) in html

    @pytest.mark.parametrize("words", ["\x00", "<script>", "%", "a" * 300, "\ud800"])
    def test_takes_anything(self, desk: Client, owner: Owner, words: str) -> None:
        words = words.encode("utf-8", "replace").decode()
        for field in ("owner", "key", "app", "how", "after"):
            assert desk.get(reverse("admin:migration_records"), {field: words}).status_code == 200

    def test_takes_at_most_20_queries(self, desk: Client, owner: Owner, django_assert_max_num_queries: object) -> None:
        for number in range(60):
            hold(owner if number % 2 else make_owner(owner.app), f"key {number}", SECRET)
        with django_assert_max_num_queries(20):  # type: ignore[operator]
            desk.get(reverse("admin:migration_records"))


class TestRecord:
    def test_shows_how_it_stands_its_history_and_its_conflicts_but_no_value(self, desk: Client, owner: Owner) -> None:
        place = hold(owner, "todo:1", "an-older-value", None, SECRET)
        Conflict.objects.create(
            owner_id=owner.id, namespace="default", key_hash=place[2], key_json='"todo:1"', collection="notes",
            policy="AUTO_SKIP", winner="server", reason="the server's stays", record_revision=9,
            loser_form=Form.LITERAL, loser_fingerprint=bytes(32), loser_value='"a-losing-value"',
            created_at=timezone.now(),
        )  # fmt: skip
        html = desk.get(address(place)).content.decode()
        for told in ("todo:1", "AUTO_SKIP", "the server&#x27;s stays", "deleted", owner.app.name):
            assert told in html
        for hidden in ("users-own-value", "older-value", "losing-value"):
            assert hidden not in html

    def test_reveals_a_value_once_with_an_audit_line(self, desk: Client, owner: Owner) -> None:
        place = hold(owner, "todo:1", '{"old": 1}', SECRET)
        assert desk.get(address(place, "record_reveal")).status_code == 405

        answer = desk.post(address(place, "record_reveal"), {"revision": 2})
        assert "the-users-own-value-&lt;b&gt;" in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        older = desk.post(address(place, "record_reveal"), {"revision": 1}).content.decode()
        assert "{&quot;old&quot;: 1}" in older

        lines = AuditLine.objects.filter(action="value_revealed").order_by("id")
        assert [(line.actor, line.owner_id, line.app_id) for line in lines] == [
            ("admin:ada", owner.id, owner.app_id)
        ] * 2
        assert [line.data["revision"] for line in lines] == [2, 1]
        assert "todo" not in str([(line.target, line.data) for line in lines])
        assert "users-own-value" not in desk.get(address(place)).content.decode()

    def test_shows_hostile_keys_and_values_as_words(self, desk: Client, owner: Owner) -> None:
        place = hold(owner, HOSTILE, HOSTILE)
        assert_harmless(desk.get(reverse("admin:migration_records")).content.decode())
        assert_harmless(desk.get(address(place)).content.decode())
        html = desk.post(address(place, "record_reveal"), {"revision": 1}).content.decode()
        assert_harmless(html)
        assert r"\u202e\ud800\u0000" in html

    @pytest.mark.parametrize("revision", ["8", "", "x", "9" * 30])
    def test_reveals_nothing_that_is_not_there(self, desk: Client, owner: Owner, revision: str) -> None:
        place = hold(owner, "todo:1", SECRET)
        assert desk.post(address(place, "record_reveal"), {"revision": revision}).status_code == 404
        assert not AuditLine.objects.filter(action="value_revealed").exists()

    @pytest.mark.parametrize("place", ["x", "A" * 43, "%00"])
    def test_is_not_found_where_there_is_none(self, desk: Client, owner: Owner, place: str) -> None:
        path = reverse("admin:migration_records")
        assert desk.get(f"{path}{owner.id}/{place}/").status_code == 404


class TestRights:
    def staff(self, *rights: str, app: object = None) -> Client:
        user = User.objects.create(username="watcher", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        if app is not None:
            app.staff.add(user)  # type: ignore[attr-defined]
        client = Client()
        client.force_login(user)
        return client

    def test_to_look_does_not_let_anybody_reveal(self, owner: Owner) -> None:
        place = hold(owner, "todo:1", SECRET)
        watcher = self.staff("view_record", app=owner.app)
        assert keys(watcher) == ["todo:1"]
        assert "Reveal</button>" not in watcher.get(address(place)).content.decode()
        assert watcher.post(address(place, "record_reveal"), {"revision": 1}).status_code == 403
        assert not AuditLine.objects.filter(action="value_revealed").exists()

    def test_reach_no_further_than_the_staffs_own_apps(self, owner: Owner) -> None:
        place = hold(owner, "todo:1", SECRET)
        stranger = self.staff("view_record", "reveal_record", app=make_app())
        assert keys(stranger) == []
        assert keys(stranger, key="todo:1") == []
        assert keys(stranger, owner=str(owner.id)) == []
        assert keys(stranger, app=str(owner.app_id)) == []
        assert stranger.get(address(place)).status_code == 404
        assert stranger.post(address(place, "record_reveal"), {"revision": 1}).status_code == 404

    def test_are_needed_to_look_at_all(self, owner: Owner) -> None:
        place = hold(owner, "todo:1", SECRET)
        nobody = self.staff("view_migrationrun", app=owner.app)
        assert nobody.get(reverse("admin:migration_records")).status_code == 403
        assert nobody.get(address(place)).status_code == 403
        assert Client().get(reverse("admin:migration_records")).status_code == 302
