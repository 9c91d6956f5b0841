"""An operator's way with conflicts: seen without their values, revealed on the record, decided one by one or many."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from migration.models import AuditLine, Conflict, Owner
from tests.factories.held import records_of, values_of
from tests.factories.loads import make_app, make_owner
from tests.factories.writes import dispute
from tests.integration.admin.conftest import HOSTILE
from tests.integration.admin.test_pages import assert_harmless

pytestmark = pytest.mark.django_db

HELD, LOST = "what-the-server-holds-<b>", "what-arrived-<b>"


@pytest.fixture
def owner() -> Owner:
    return make_owner()


def page(name: str, conflict_id: int) -> str:
    return reverse(f"admin:migration_conflict_{name}", args=[conflict_id])


class TestAConflict:
    def test_is_shown_without_its_values_and_harmlessly(self, desk: Client, owner: Owner) -> None:
        conflict_id = dispute(owner, HOSTILE, held=HELD, lost=LOST)
        for address in (reverse("admin:migration_conflict_changelist"), page("change", conflict_id)):
            html = desk.get(address).content.decode()
            assert "arrived-" not in html
            assert "server-holds" not in html
            assert_harmless(html)
        assert "Restore the loser" in html

    def test_shows_its_values_once_and_on_the_record(self, desk: Client, owner: Owner) -> None:
        conflict_id = dispute(owner, "k", held=HELD, lost=LOST)
        answer = desk.post(page("reveal", conflict_id))
        html = answer.content.decode()
        assert "what-the-server-holds-&lt;b&gt;" in html
        assert "what-arrived-&lt;b&gt;" in html
        assert "no-store" in answer.headers["Cache-Control"]
        line = AuditLine.objects.get(action="value_revealed")
        assert (line.target, line.actor, line.owner_id) == (f"conflict {conflict_id}", "admin:ada", owner.id)
        assert desk.get(page("reveal", conflict_id)).status_code == 405

    @pytest.mark.parametrize(
        ("said", "stands"),
        [
            ({"choice": "loser"}, LOST),
            ({"choice": "local"}, LOST),
            ({"choice": "remote"}, HELD),
            ({"choice": "custom", "value": '{"both":\r\n1}'}, '{"both":\n1}'),
        ],
    )
    def test_is_decided_in_one_action(self, said: dict[str, str], stands: str, desk: Client, owner: Owner) -> None:
        conflict_id = dispute(owner, "k", held=HELD, lost=LOST)
        assert desk.post(page("decide", conflict_id), said).status_code == 302
        assert values_of(owner) == {"k": stands}
        conflict = Conflict.objects.get()
        assert (conflict.state, conflict.decided_by) == ("decided", "admin:ada")
        assert AuditLine.objects.get(action="conflict_decided").actor == "admin:ada"
        held = records_of(owner)["k"]
        assert (held.cause, held.revision) == ("resolution", 2), "who holds the other side is told, whatever stood"

    def test_is_not_decided_by_a_value_that_is_a_secret(self, desk: Client, owner: Owner) -> None:
        conflict_id = dispute(owner, "k", held=HELD, lost=LOST)
        secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl"
        html = desk.post(
            page("decide", conflict_id), {"choice": "custom", "value": secret}, follow=True
        ).content.decode()
        assert "recognised as secrets" in html
        assert values_of(owner) == {"k": HELD}


class TestMany:
    @pytest.mark.parametrize(("action", "stands"), [("restore_losers", LOST), ("keep_winners", HELD)])
    def test_are_decided_at_once(self, action: str, stands: str, desk: Client, owner: Owner) -> None:
        ids = [dispute(owner, f"k{number}", held=HELD, lost=LOST) for number in range(3)]
        other = dispute(make_owner(), "k", held=HELD, lost=LOST)
        chosen = {"action": action, "_selected_action": [*ids[:2], other]}
        assert desk.post(reverse("admin:migration_conflict_changelist"), chosen).status_code == 302
        assert values_of(owner) == {"k0": stands, "k1": stands, "k2": HELD}
        assert Conflict.objects.filter(state="open").count() == 1


class TestStaff:
    def staff(self, *names: str, app: object = None) -> Client:
        user = User.objects.create(username="eve", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        if app is not None:
            app.staff.add(user)  # type: ignore[attr-defined]
        client = Client()
        client.force_login(user)
        return client

    def test_who_may_only_look_neither_reveals_nor_decides(self, owner: Owner) -> None:
        conflict_id = dispute(owner, "k", held=HELD, lost=LOST)
        client = self.staff("view_conflict", app=owner.app)
        html = client.get(page("change", conflict_id)).content.decode()
        assert "you may not look" in html
        assert "Restore the loser" not in html
        assert client.post(page("reveal", conflict_id)).status_code == 403
        assert client.post(page("decide", conflict_id), {"choice": "loser"}).status_code == 403
        assert values_of(owner) == {"k": HELD}

    def test_of_another_app_sees_none_of_it(self, owner: Owner) -> None:
        conflict_id = dispute(owner, "k", held=HELD, lost=LOST)
        client = self.staff("view_conflict", "change_conflict", "view_record", "reveal_record", app=make_app())
        assert client.post(page("reveal", conflict_id)).status_code == 404
        assert client.post(page("decide", conflict_id), {"choice": "loser"}).status_code == 404
        chosen = {"action": "restore_losers", "_selected_action": [conflict_id]}
        client.post(reverse("admin:migration_conflict_changelist"), chosen)
        assert values_of(owner) == {"k": HELD}
