"""Conflicts can be found and read; what lost is shown to those who may look, and that they looked is written down."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration.models import AuditLine, Conflict
from migration.models.records import Form
from migration.orchestration.pulse import fold_pulse
from tests.factories.loads import make_run
from tests.integration.admin.conftest import SECRET_VALUE, World, conflict

pytestmark = pytest.mark.django_db

LIST = "admin:migration_conflict_changelist"


def page_of(one: Conflict) -> str:
    return reverse("admin:migration_conflict_change", args=[one.id])


def reveal(client: Client, one: Conflict) -> str:
    answer = client.post(reverse("admin:migration_conflict_reveal", args=[one.id]))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return answer.content.decode()


class TestTheList:
    def test_names_key_policy_winner_and_reason_and_no_value(self, desk: Client, world: World) -> None:
        one = conflict(make_run(), key="cart:1", reason="both sides wrote", policy="AUTO_SKIP", winner="server")
        words = desk.get(reverse(LIST)).content.decode()
        assert all(word in words for word in ("cart:1", "both sides wrote", "AUTO_SKIP", "server", page_of(one)))
        assert SECRET_VALUE[:20] not in words

    def test_is_narrowed_to_an_app_an_owner_a_run_and_what_is_open(self, desk: Client, world: World) -> None:
        one, run = conflict(make_run(), state="decided"), world.run
        for query, found in (
            ({"app__id__exact": str(run.app_id)}, 1),
            ({"app__id__exact": "none"}, 1 + 1),  # what is no app's id is no filter: back to the whole list
            ({"q": str(one.owner_id)[:13]}, 1),
            ({"run__id__exact": str(run.id)}, 1),
            ({"state__exact": "open"}, 1),
        ):
            answer = desk.get(reverse(LIST), query, follow=True)
            assert answer.context["cl"].result_count == found, query

    def test_is_where_the_dashboard_leads(self, desk: Client, world: World) -> None:
        fold_pulse(at=timezone.now())
        words = desk.get(reverse("admin:index")).content.decode()
        (there,) = re.findall(r'<a href="([^"]*)">1 conflict nobody has decided', words)
        assert desk.get(there.replace("&amp;", "&")).context["cl"].result_count == 1


class TestTheValueThatLost:
    def test_is_hidden_until_somebody_asks_which_is_written_down(self, desk: Client, world: World) -> None:
        one = Conflict.objects.get(owner_id=world.owner.id)
        assert SECRET_VALUE[:20] not in desk.get(page_of(one)).content.decode()
        assert SECRET_VALUE[:20] in reveal(desk, one)
        line = AuditLine.objects.get(action="value_revealed")
        assert (line.actor, line.target, line.owner_id) == ("admin:ada", f"conflict {one.id}", one.owner_id)
        assert line.app_id == world.app.id

    @pytest.mark.parametrize(
        ("form", "value", "shown"),
        [
            (Form.LITERAL, '"lone \\ud800"', "lone \\ud800"),
            (Form.VERBATIM, "[1.0, 2]", "[1.0, 2]"),
            (Form.VERBATIM, None, "(a deletion)"),
        ],
    )
    def test_is_shown_as_what_it_stands_for(
        self, desk: Client, form: Form, value: str | None, shown: str, world: World
    ) -> None:
        assert shown in reveal(desk, conflict(make_run(), loser_form=form, loser_value=value))

    def test_is_for_those_alone_who_may_look_at_values(self, world: World) -> None:
        watcher = User.objects.create(username="watcher", is_staff=True)
        world.app.staff.add(watcher)
        watcher.user_permissions.set(Permission.objects.filter(codename__in=["view_conflict", "change_conflict"]))
        client, one = Client(), Conflict.objects.get(owner_id=world.owner.id)
        client.force_login(watcher)
        assert "Reveal" not in client.get(page_of(one)).content.decode()
        assert client.post(reverse("admin:migration_conflict_reveal", args=[one.id])).status_code == 403
        assert not AuditLine.objects.filter(action="value_revealed").exists()
