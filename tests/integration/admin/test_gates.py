"""The page of an app's gates: figures with reasons and plots, what an operator says of plans, mismatches."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration.cutover.plans import STANDARD
from migration.models import App, AuditLine, CollectionStage, CutoverPlan, GateReading, Mismatch
from tests.factories.loads import make_app, make_device, make_owner
from tests.factories.plans import make_plan
from tests.integration.admin.conftest import HOSTILE_TEXT

pytestmark = pytest.mark.django_db


@pytest.fixture
def app() -> App:
    made = make_app()
    CollectionStage.objects.create(app=made, collection=HOSTILE_TEXT, stage="shadow", changed_at=timezone.now())
    return made


def page(client: Client, app: App, **query: str) -> str:
    answer = client.get(reverse("admin:migration_gates", args=[app.id]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def say(client: Client, app: App, verb: str, **said: str) -> str:
    answer = client.post(reverse("admin:migration_plan", args=[app.id, verb]), said, follow=True)
    return str(answer.content.decode())


def staff(app: App, *permissions: str) -> Client:
    user = User.objects.create(username=uuid4().hex, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    app.staff.add(user)
    client = Client()
    client.force_login(user)
    return client


class TestThePage:
    def test_tells_each_gate_with_its_reason_and_hostile_names_as_words(self, desk: Client, app: App) -> None:
        html = page(desk, app)
        assert "No device was seen lately." in html
        assert "There is no plan" in html
        assert "<script>alert" not in html
        assert "<img src=x" not in html

    def test_draws_what_gates_said(self, desk: Client, app: App) -> None:
        now = timezone.now()
        for minutes in (1, 2, 30):
            GateReading.objects.create(
                app_id=app.id, collection="", name="receipts", at=now - timedelta(minutes=minutes), stage="dual_write",
                figure=0.5, limit=0.8, passed=False,
            )  # fmt: skip
        assert page(desk, app, period="hour").count("<svg") == 1
        assert "figure: 2 points, from 0.5 to 0.5" in page(desk, app, period="day")
        assert page(desk, app, period="hour", collection=HOSTILE_TEXT).count("<svg") == 0

    def test_is_not_for_staff_of_another_app(self, app: App) -> None:
        other = staff(make_app(), "view_app", "change_app")
        assert other.get(reverse("admin:migration_gates", args=[app.id])).status_code == 404
        assert other.post(reverse("admin:migration_plan", args=[app.id, "pause"])).status_code == 404


class TestAPlan:
    def test_is_made_once_the_apps_slug_is_typed(self, desk: Client, app: App) -> None:
        assert "nothing was changed" in say(desk, app, "set", percentage="100", gradual="on", word="")
        assert not CutoverPlan.objects.exists()
        say(desk, app, "set", percentage="100", gradual="on", word=app.slug)
        assert CutoverPlan.objects.get().terms == STANDARD.as_data()
        assert AuditLine.objects.get(action="plan_set").actor == "admin:ada"

    @pytest.mark.parametrize("percentage", ["", "much", "0", "101", "nan", "-5", "1e400"])
    def test_to_no_percentage_is_refused(self, desk: Client, app: App, percentage: str) -> None:
        assert "percentage from 0.01 to 100" in say(desk, app, "set", percentage=percentage, word=app.slug)
        assert not CutoverPlan.objects.exists()

    def test_is_paused_resumed_released_and_dropped(self, desk: Client, app: App) -> None:
        plan = make_plan(app)
        for verb in ("pause", "resume", "drop"):
            assert f"Type {app.slug}" in say(desk, app, verb, word="yes")
        say(desk, app, "pause", word=app.slug)
        assert "The plan is paused." in say(desk, app, "pause", word=app.slug)
        say(desk, app, "resume", word=app.slug)
        assert "Type " in say(desk, app, "release", stage="complete")
        assert "Only server_primary and complete" in say(desk, app, "release", stage="ramp", word=app.slug)
        say(desk, app, "release", stage="complete", word=app.slug)
        plan.refresh_from_db()
        assert (plan.paused, plan.released) == (False, "complete")
        say(desk, app, "drop", word=app.slug)
        assert not CutoverPlan.objects.exists()
        assert "There is no such verb." in say(desk, app, "explode")

    def test_is_not_changed_by_who_may_only_look_or_by_a_link(self, desk: Client, app: App) -> None:
        make_plan(app)
        looker = staff(app, "view_app")
        assert "Pause" not in page(looker, app)
        assert looker.post(reverse("admin:migration_plan", args=[app.id, "pause"])).status_code == 403
        assert desk.get(reverse("admin:migration_plan", args=[app.id, "pause"])).status_code == 405
        assert not CutoverPlan.objects.get().paused


class TestMismatches:
    @pytest.fixture
    def mismatch(self, app: App) -> Mismatch:
        device = make_device(make_owner(app))
        return Mismatch.objects.create(
            app_id=app.id, owner=device.owner, device_id=device.id, collection="", stage="shadow", key=HOSTILE_TEXT,
            key_hash=bytes(32), reason="differs", local=f"mine {HOSTILE_TEXT}", server=None, at=timezone.now(),
        )  # fmt: skip

    def test_are_listed_without_values_which_are_shown_on_the_record(
        self, desk: Client, app: App, mismatch: Mismatch
    ) -> None:
        html = page(desk, app)
        assert "&lt;script&gt;alert" in html
        assert "mine &lt;" not in html
        shown = desk.post(reverse("admin:migration_mismatches", args=[app.id])).content.decode()
        assert "mine &lt;script&gt;" in shown
        assert "(absent)" in shown
        assert "<script>alert" not in shown
        line = AuditLine.objects.get(action="value_revealed")
        assert (line.owner_id, line.app_id, line.target) == (mismatch.owner_id, app.id, f"mismatches {mismatch.pk}")

    def test_are_shown_to_those_alone_who_may_look_at_values(self, app: App, mismatch: Mismatch) -> None:
        looker = staff(app, "view_app", "view_record")
        assert "Show the values" not in page(looker, app)
        assert looker.post(reverse("admin:migration_mismatches", args=[app.id])).status_code == 403
        assert not AuditLine.objects.filter(action="value_revealed").exists()
        trusted: Any = staff(app, "view_app", "view_record", "reveal_record")
        assert trusted.post(reverse("admin:migration_mismatches", args=[app.id])).status_code == 200
