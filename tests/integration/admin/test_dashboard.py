"""The dashboard: what stands there is what happened, for those who may see it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from migration.models import App, MigrationRun
from migration.orchestration.pulse import FOLD_SECONDS, fold_pulse
from migration.progress import record_error
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.integration.admin.conftest import World
from tests.integration.admin.test_pages import assert_harmless

pytestmark = pytest.mark.django_db


def page(client: Client, **query: str) -> str:
    response = client.get(reverse("admin:index"), query)
    assert response.status_code == 200
    return response.content.decode()


def run_of(app: App, **columns: object) -> MigrationRun:
    return make_run(make_device(make_owner(app)), **columns)


class TestDashboard:
    def test_shows_hostile_names_as_words(self, desk: Client, world: World) -> None:
        run_of(world.app, state="transferring")
        fold_pulse(at=timezone.now())
        assert_harmless(page(desk))
        assert_harmless(page(desk, app=str(world.app.id), period="week"))

    def test_says_first_what_needs_attention(self, desk: Client, world: World) -> None:
        run_of(world.app, state="failed")
        fold_pulse(at=timezone.now())
        html = page(desk)
        assert "No worker is connected" in html
        assert "1 run failed" in html
        assert "1 entry in quarantine" in html
        assert f"{reverse('admin:migration_migrationrun_changelist')}?state__exact=failed" in html

    def test_tells_that_the_sweeper_is_silent(self, desk: Client) -> None:
        assert "sweeper is silent" in page(desk)
        fold_pulse(at=timezone.now())
        assert "sweeper is silent" not in page(desk)

    def test_counts_the_road_of_one_app_or_of_all(self, desk: Client) -> None:
        app, other = make_app(), make_app()
        make_device(make_owner(app))
        run_of(app, state="completed", started_at=timezone.now())
        run_of(other, state="failed")
        fold_pulse(at=timezone.now())
        desk.get(reverse("admin:index"))
        for query, counts in (({}, ["3", "2", "1", "1"]), ({"app": str(app.id)}, ["2", "1", "1", "1"])):
            funnel = desk.get(reverse("admin:index"), query).context["funnel"]
            assert [step["count"] for step in funnel] == counts

    def test_draws_errors_of_the_period_by_code(self, desk: Client) -> None:
        run, now = make_run(), timezone.now()
        record_error(run.id, "checksum_mismatch", "it does not fit", now)
        record_error(run.id, "long_ago", "it did not fit", now - timedelta(hours=3))
        fold_pulse(at=now)
        hour, day = page(desk), page(desk, period="day")
        assert "checksum_mismatch" in hour
        assert "long_ago" not in hour
        assert "long_ago" in day

    @pytest.mark.parametrize("query", [{"app": "x"}, {"app": "\x00"}, {"period": "<b>"}, {"period": ""}])
    def test_takes_any_question(self, desk: Client, query: dict[str, str]) -> None:
        assert_harmless(page(desk, **query))

    def test_takes_at_most_20_queries(self, desk: Client, world: World) -> None:
        for _ in range(12):
            run_of(world.app, state="transferring")
        fold_pulse(at=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            page(desk)
        assert len(queries) <= 20

    def test_stays_the_same_between_folds_but_for_what_is_of_now(self, desk: Client) -> None:
        now = timezone.now()
        fold_pulse(at=now)
        run = make_run(state="transferring")
        html = page(desk)
        assert str(run.id)[:8] in html
        assert desk.get(reverse("admin:index")).context["states"] == []
        fold_pulse(at=now + timedelta(seconds=FOLD_SECONDS))
        assert len(desk.get(reverse("admin:index")).context["states"]) == 1


class TestStaffOfAnApp:
    def client(self, *apps: App) -> Client:
        user = User.objects.create(username="colleague", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="migration"))
        for app in apps:
            app.staff.add(user)
        client = Client()
        client.force_login(user)
        return client

    def test_see_the_figures_of_their_app_alone(self) -> None:
        ours, theirs = make_app(), make_app()
        theirs.name = "Of other people"
        theirs.save()
        run_of(ours, state="completed")
        secret = run_of(theirs, state="transferring")
        fold_pulse(at=timezone.now())
        colleague = self.client(ours)
        for query in ({}, {"app": str(theirs.id)}):
            response = colleague.get(reverse("admin:index"), query)
            assert [step["count"] for step in response.context["funnel"]][:2] == ["1", "1"]
            html = response.content.decode()
            assert str(secret.id)[:8] not in html
            assert theirs.name not in html
            assert "<h2>Storage" not in html

    def test_see_no_figures_without_an_app(self) -> None:
        assert self.client().get(reverse("admin:index")).context["figures"] is None
