"""Every page of the admin renders, with hostile words in every place, and shows them as words."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from migration.lifecycle import consume_ticket
from migration.models import App, AppSecret, AuditLine, MigrationRun
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.integration.admin.conftest import SECRET_VALUE, World, quarantine

pytestmark = pytest.mark.django_db

OURS = [model for model in admin.site._registry if model._meta.app_label == "migration"]
NAMES = [model._meta.model_name for model in OURS]


class Page(HTMLParser):
    """Collects whatever a browser would run or a content security policy would stop."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.wrong.append("an inline script")
        if tag == "img" and given.get("src") == "x":
            self.wrong.append("the hostile image")
        for name, value in attrs:
            if name.startswith("on") or name == "style" or (value or "").strip().lower().startswith("javascript:"):
                self.wrong.append(f"{tag} {name}={value}")


def assert_harmless(html: str) -> None:
    """Nothing of the hostile words became markup or turned the line around, and nothing on the page runs inline."""
    assert Page(html).wrong == []
    # In a field to edit, the text is what it is.
    assert "\u202e" not in re.sub(r"<input[^>]*>", "", html)


class TestLists:
    @pytest.mark.parametrize("name", NAMES)
    def test_render_hostile_words_as_words(self, desk: Client, world: World, name: str) -> None:
        response = desk.get(reverse(f"admin:migration_{name}_changelist"))
        assert response.status_code == 200
        assert_harmless(response.content.decode())

    @pytest.mark.parametrize("name", NAMES)
    def test_take_at_most_20_queries_however_many_rows(self, desk: Client, world: World, name: str) -> None:
        for number in range(1, 30):
            quarantine(make_run(make_device(make_owner(make_app()))), ordinal=number)
        with CaptureQueriesContext(connection) as queries:
            desk.get(reverse(f"admin:migration_{name}_changelist"))
        assert len(queries) <= 20

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("words", ["0000", "nothing here", "%00", "<script>", "a" * 300])
    def test_can_be_searched_for_anything(self, desk: Client, world: World, name: str, words: str) -> None:
        assert desk.get(reverse(f"admin:migration_{name}_changelist"), {"q": words}).status_code == 200

    def test_find_a_run_by_the_beginning_of_its_id(self, desk: Client, world: World) -> None:
        other = make_run()
        response = desk.get(reverse("admin:migration_migrationrun_changelist"), {"q": str(world.run.id)[:8]})
        html = response.content.decode()
        assert str(world.run.id) in html
        assert str(other.id) not in html


class TestPages:
    @pytest.mark.parametrize("model", OURS, ids=NAMES)
    def test_render_hostile_words_as_words(self, desk: Client, world: World, model: type) -> None:
        for one in model.objects.all():  # type: ignore[attr-defined]
            response = desk.get(reverse(f"admin:migration_{model._meta.model_name}_change", args=[one.pk]))  # type: ignore[attr-defined]
            assert response.status_code == 200
            assert_harmless(response.content.decode())

    def test_of_a_run_shows_what_it_is_for(self, desk: Client, world: World) -> None:
        html = desk.get(reverse("admin:migration_migrationrun_change", args=[world.run.id])).content.decode()
        for heading in ("Entries", "Errors", "Quarantine", "Rollbacks", "Collections", "Receipt", "Timeline", "Chunks"):
            assert f"<h2>{heading}</h2>" in html
        assert reverse("admin:migration_migrationrun_rollback", args=[world.run.id]) in html

    def test_of_a_run_leads_to_its_report_under_a_policy_of_its_own(self, desk: Client, world: World) -> None:
        address = reverse("admin:migration_migrationrun_report", args=[world.run.id])
        assert address in desk.get(reverse("admin:migration_migrationrun_change", args=[world.run.id])).content.decode()
        response = desk.get(address)
        assert response.status_code == 200
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert "<script" not in response.content.decode()

    def test_of_an_app_links_to_what_is_the_apps(self, desk: Client, world: World) -> None:
        html = desk.get(reverse("admin:migration_app_change", args=[world.app.id])).content.decode()
        runs = reverse("admin:migration_migrationrun_changelist")
        assert f'<a href="{runs}?app__id__exact={world.app.id}"' in html
        assert desk.get(runs, {"app__id__exact": str(world.app.id)}).context["cl"].result_count == 1
        assert desk.get(runs, {"app__id__exact": "no id"}).status_code == 302

    def test_of_a_run_takes_a_handful_of_queries(self, desk: Client, world: World) -> None:
        with CaptureQueriesContext(connection) as queries:
            desk.get(reverse("admin:migration_migrationrun_change", args=[world.run.id]))
        assert len(queries) <= 20

    @pytest.mark.parametrize(
        "model", [model for model in OURS if model is not App], ids=lambda model: model._meta.model_name
    )
    def test_let_nobody_add_change_or_delete(self, desk: Client, world: World, model: type) -> None:
        name = model._meta.model_name  # type: ignore[attr-defined]
        one = model.objects.first()  # type: ignore[attr-defined]
        assert desk.get(reverse(f"admin:migration_{name}_add")).status_code == 403
        assert desk.post(reverse(f"admin:migration_{name}_delete", args=[one.pk]), {"post": "yes"}).status_code == 403
        assert desk.post(reverse(f"admin:migration_{name}_change", args=[one.pk]), {}).status_code == 403

    @pytest.mark.parametrize("name", NAMES)
    def test_are_closed_to_strangers(self, world: World, name: str) -> None:
        response = Client().get(reverse(f"admin:migration_{name}_changelist"))
        assert response.status_code == 302
        assert "/login/" in response["Location"]


class TestQuarantine:
    def test_is_grouped_by_cause(self, desk: Client, world: World) -> None:
        for number in range(1, 4):
            quarantine(world.run, ordinal=number, code="bad_json")
        html = desk.get(reverse("admin:migration_quarantineentry_changelist")).content.decode()
        assert "By cause" in html
        assert html.index("?code__exact=bad_json") < html.index("?code__exact=too_long")

    def test_hides_the_value_until_somebody_reveals_it(self, desk: Client, world: World) -> None:
        page = reverse("admin:migration_quarantineentry_change", args=[world.quarantined.id])
        reveal = reverse("admin:migration_quarantineentry_reveal", args=[world.quarantined.id])
        assert "the-users-own-value" not in desk.get(page).content.decode()
        assert desk.get(reveal).status_code == 405

        answer = desk.post(reveal)

        assert "the-users-own-value-&lt;b&gt;" in answer.content.decode()
        assert SECRET_VALUE not in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        line = AuditLine.objects.get(action="value_revealed")
        assert (line.actor, line.owner_id) == ("admin:ada", world.owner.id)
        assert "the-users-own-value" not in str(line.data)

    def test_reads_only_the_beginning_of_a_long_line_for_its_list(self, desk: Client, world: World) -> None:
        quarantine(world.run, ordinal=9, key="k" * 100_000)
        with CaptureQueriesContext(connection) as queries:
            html = desk.get(reverse("admin:migration_quarantineentry_changelist")).content.decode()
        assert "kkkk" in html
        assert len(html) < 90_000
        assert not any(re.search(r'(?<!\()"migration_quarantineentry"."line"', query["sql"]) for query in queries)

    def test_may_be_looked_at_without_the_right_to_reveal(self, world: World) -> None:
        watcher = User.objects.create(username="watcher", is_staff=True)
        world.app.staff.add(watcher)
        watcher.user_permissions.set(Permission.objects.filter(codename="view_quarantineentry"))
        client = Client()
        client.force_login(watcher)
        page = client.get(reverse("admin:migration_quarantineentry_change", args=[world.quarantined.id]))
        assert page.status_code == 200
        assert "Reveal</button>" not in page.content.decode()
        assert (
            client.post(reverse("admin:migration_quarantineentry_reveal", args=[world.quarantined.id])).status_code
            == 403
        )
        assert not AuditLine.objects.filter(action="value_revealed").exists()


class TestApps:
    def form(self, app: App, **changes: object) -> dict[str, object]:
        return {
            "name": app.name, "slug": app.slug, "is_active": "on", "guests_allowed": "on", "collections": "[]",
            "allowed_origins": "\r\n".join(app.allowed_origins), "conflict_policy": "AUTO_MERGE", "exclude": "",
            "allow_sensitive": "", "max_entry_bytes": app.max_entry_bytes, "backup_days": app.backup_days,
            "limits": "{}", **changes,
        }  # fmt: skip

    def test_are_edited_with_an_audit_line_and_origins_as_browsers_write_them(self, desk: Client) -> None:
        app = make_app(allowed_origins=["https://old.example.com"])
        page = reverse("admin:migration_app_change", args=[app.id])
        answer = desk.post(
            page, self.form(app, allowed_origins="HTTPS://New.example.com:443\r\n\r\nhttp://localhost:8000\r\n")
        )
        assert answer.status_code == 302
        app.refresh_from_db()
        assert app.allowed_origins == ["https://new.example.com", "http://localhost:8000"]
        assert AuditLine.objects.get(action="app_changed").data == {"fields": ["allowed_origins"]}

    @pytest.mark.parametrize(
        "changes",
        [
            {"allowed_origins": "https://app.example.com/path"},
            {"allowed_origins": "*"},
            {"collections": '{"name": "x"}'},
            {"collections": '[{"name": "x", "patterns": []}]'},
            {"collections": '[{"name": "x", "patterns": ["a"]}, {"name": "x", "patterns": ["b"]}]'},
            {"conflict_policy": "COIN_TOSS"},
        ],
    )
    def test_refuse_what_the_sdk_could_not_use(self, desk: Client, changes: dict[str, object]) -> None:
        app = make_app()
        answer = desk.post(reverse("admin:migration_app_change", args=[app.id]), self.form(app, **changes))
        assert answer.status_code == 200
        assert "errorlist" in answer.content.decode()
        assert not AuditLine.objects.filter(action="app_changed").exists()

    def test_get_a_new_epoch_when_they_are_switched_off(self, desk: Client) -> None:
        app = make_app()
        form = self.form(app)
        del form["is_active"]
        desk.post(reverse("admin:migration_app_change", args=[app.id]), form)
        app.refresh_from_db()
        assert (app.is_active, app.epoch) == (False, 2)

    def test_are_made_with_a_key_of_their_own(self, desk: Client) -> None:
        form = self.form(App(name="Shop", slug="shop", allowed_origins=[], max_entry_bytes=1_000))
        assert desk.post(reverse("admin:migration_app_add"), form).status_code == 302
        app = App.objects.get(slug="shop")
        assert app.publishable_key.startswith("pk_")
        assert AuditLine.objects.get(action="app_created").actor == "admin:ada"

    def test_show_a_secret_key_once(self, desk: Client) -> None:
        app = make_app()
        answer = desk.post(reverse("admin:migration_app_secret", args=[app.id]))
        (plain,) = re.findall(r"sk_[\w-]{20,}", answer.content.decode())
        assert "no-store" in answer["Cache-Control"]
        assert plain not in desk.get(reverse("admin:migration_app_change", args=[app.id])).content.decode()

        secret = AppSecret.objects.get(app=app)
        desk.post(reverse("admin:migration_app_revoke", args=[app.id, secret.id]))
        secret.refresh_from_db()
        assert secret.revoked_at is not None
        assert desk.post(reverse("admin:migration_app_revoke", args=[make_app().id, secret.id])).status_code == 404


class TestLive:
    def test_a_runs_page_gets_a_ticket_for_the_servers_own_pages_and_this_run_only(
        self, desk: Client, world: World
    ) -> None:
        answer = desk.post(reverse("admin:migration_migrationrun_live", args=[world.run.id]))
        assert "no-store" in answer["Cache-Control"]
        ticket = consume_ticket(answer.json()["ticket"], at=timezone.now())
        assert ticket is not None
        assert (ticket.run_id, ticket.staff) == (world.run.id, True)

    def test_a_page_without_a_socket_asks_for_the_snapshot(self, desk: Client, world: World) -> None:
        shown = desk.get(reverse("admin:migration_migrationrun_live", args=[world.run.id])).json()
        assert (shown["id"], shown["percentage"]) == (str(world.run.id), 100)


class TestSteering:
    def test_pauses_resumes_and_cancels_with_the_users_name_on_it(self, desk: Client) -> None:
        run = make_run()
        for verb in ("pause", "resume", "cancel"):
            desk.post(reverse("admin:migration_migrationrun_steer", args=[run.id, verb]))
        run.refresh_from_db()
        assert run.state == "cancelled"
        wishes = [event.data for event in run.timeline.filter(kind="wish")]
        assert [wish["actor"] for wish in wishes] == ["admin:ada"] * 3

    def test_does_many_at_once_and_says_which_could_not(self, desk: Client) -> None:
        moving, done = make_run(), make_run(state="completed")
        data = {"action": "pause_runs", "_selected_action": [str(moving.id), str(done.id)]}
        answer = desk.post(reverse("admin:migration_migrationrun_changelist"), data, follow=True)
        words = [str(message) for message in answer.context["messages"]]
        assert any(str(done.id)[:8] in word for word in words)
        assert "1 paused." in words
        assert MigrationRun.objects.get(id=moving.id).pause_wished

    @pytest.mark.parametrize("verb", ["erase", "pause"])
    def test_is_not_done_by_a_link(self, desk: Client, world: World, verb: str) -> None:
        assert desk.get(reverse("admin:migration_migrationrun_steer", args=[world.run.id, verb])).status_code == 405

    def test_needs_the_right_to_act(self, world: World) -> None:
        watcher = User.objects.create(username="watcher", is_staff=True)
        world.app.staff.add(watcher)
        watcher.user_permissions.set(Permission.objects.filter(codename="view_migrationrun"))
        client = Client()
        client.force_login(watcher)
        page = client.get(reverse("admin:migration_migrationrun_change", args=[world.run.id]))
        assert "Roll back…" not in page.content.decode()
        assert (
            client.post(reverse("admin:migration_migrationrun_steer", args=[world.run.id, "pause"])).status_code == 403
        )
        assert client.get(reverse("admin:migration_migrationrun_rollback", args=[world.run.id])).status_code == 403
        assert client.post(reverse("admin:migration_migrationrun_live", args=[world.run.id])).status_code == 200
