"""The cutover page of an app: where collections stand and for whom, and changes that need a word typed."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from migration.cutover import Action, bucket_of, requests_of
from migration.models import App, AuditLine, CollectionStage, CutoverPlan, StageChange
from migration.orchestration import cutting_over
from migration.orchestration.cutting_over import Why
from migration.reports import Share, census_of
from tests.factories.loads import at_stage, give_receipt, make_app, make_device, make_owner
from tests.factories.plans import make_plan
from tests.factories.sites import QUICK, Site
from tests.integration.admin.conftest import HOSTILE_TEXT, World
from tests.integration.admin.test_pages import assert_harmless

pytestmark = pytest.mark.django_db

ACTIONS = ("advance", "step_back", "set_percentage", "complete", "compare", "rejoin", "panic", "release_panic")


@pytest.fixture
def app() -> App:
    return make_app(collections=[{"name": "notes", "patterns": ["n:*"]}])


def page_of(app: App, action: str = "", collection: str = "") -> str:
    name = f"stage_{action}" if action else "cutover"
    return reverse(f"admin:migration_{name}", args=[app.id]) + (f"?collection={collection}" if collection else "")


def hidden(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(seen_\w+)" value="([^"]*)"', html))


def confirm(desk: Client, page: str, app: App, **given: str) -> str:
    """Open the page, type the app's slug, send the form; return what the user sees then."""
    shown = desk.get(page).content.decode()
    word = f"force {app.slug}" if f"force {app.slug}" in shown else app.slug
    form = {"word": word, "reason": "as planned", **hidden(shown), **given}
    return desk.post(page, form, follow=True).content.decode()


def stage(app: App, collection: str = "") -> tuple[str, int]:
    standing = cutting_over.standing_of(App.objects.get(id=app.id), collection)
    return str(standing.stage), standing.percentage


class TestThePage:
    def test_shows_hostile_words_as_words(self, desk: Client, world: World) -> None:
        now = timezone.now()
        CollectionStage.objects.create(app=world.app, collection=HOSTILE_TEXT, stage="ramp", changed_at=now)
        App.objects.filter(id=world.app.id).update(collections=[{"name": HOSTILE_TEXT + "2", "patterns": ["x"]}])
        html = desk.get(page_of(world.app)).content.decode()
        assert_harmless(html)
        assert "&lt;script&gt;" in html
        links = re.findall(r'href="([^"]*/of/[^"]*)"', html)
        assert len(links) > 3
        for link in links:
            answer = desk.get(link.replace("&amp;", "&"))
            assert answer.status_code == 200
            assert_harmless(answer.content.decode())

    def test_counts_devices_by_what_holds_for_them_and_why(self, desk: Client, app: App) -> None:
        owners = [make_owner(app) for _ in range(12)]
        for owner in owners:
            give_receipt(make_device(owner))
            make_device(owner)
        buckets = sorted(bucket_of(owner_id=owner.id, salt=app.salt) for owner in owners)
        at_stage(app, "ramp", percentage=buckets[4])
        served = sum(bucket < buckets[4] for bucket in buckets)
        census = census_of(app_id=app.id, requests=requests_of(App.objects.get(id=app.id)))
        assert (census.devices, census.is_whole) == (24, True)
        assert set(census.shares[""]) == {
            Share("ramp", "as_requested", served),
            Share("shadow", "outside_percentage", 12 - served),
            Share("dual_write", "no_receipt", 12),
        }
        html = desk.get(page_of(app)).content.decode()
        assert "outside percentage" in html
        assert f"{buckets[4] / 100:g} %" in html

    def test_shows_gates_with_reasons_plots_of_them_and_how_both_sides_do(self, desk: Client) -> None:
        site = Site(plan=QUICK, collections=[{"name": "notes", "patterns": ["n:*"]}])
        site.now = timezone.now() - timedelta(minutes=20)
        CollectionStage.objects.filter(app=site.app).update(stage="shadow", changed_at=site.now - timedelta(hours=2))
        site.later(agreed=75, errors=25)
        html = desk.get(page_of(site.app)).content.decode()
        assert "25 % of 400 comparisons differ; 0.1 % is the most." in html
        assert "waits: Gates do not hold" in html
        assert "<svg" in html
        health = html.split('id="health"')[1].split("</table>")[0]
        cells = [strip_tags(cell).strip() for cell in re.findall(r"<t[dh][ >].*?</t[dh]>", health, re.DOTALL)]
        told = cells[cells.index("browsers") :]
        assert told[:6] == ["browsers", "shadow", "400", "75 %", "20 %", "13 ms"]
        assert told[-3:] == ["chunks that wait to be loaded", "0", "0 s"]
        assert desk.get(page_of(site.app), {"period": "none", "collection": "no"}).status_code == 200

    def test_is_there_only_for_staff_of_the_app(self, app: App) -> None:
        user = User.objects.create(username="looks", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename="view_stagechange"))
        client = Client()
        client.force_login(user)
        assert client.get(page_of(app)).status_code == 404
        app.staff.add(user)
        html = client.get(page_of(app)).content.decode()
        assert "Panic" not in html
        for action in ACTIONS:
            assert client.post(page_of(app, action), {"word": app.slug}).status_code == 403
        assert Client().get(page_of(app)).status_code == 302
        assert StageChange.objects.count() == 0


class TestChanges:
    def test_go_the_whole_road_and_back_by_a_typed_word(self, desk: Client, app: App) -> None:
        confirm(desk, page_of(app, "advance"), app)
        confirm(desk, page_of(app, "advance"), app, percentage="1.5")
        assert stage(app) == ("ramp", 150)
        confirm(desk, page_of(app, "set_percentage"), app, percentage="100")
        confirm(desk, page_of(app, "advance"), app)
        assert stage(app) == ("server_primary", 10_000)
        confirm(desk, page_of(app, "step_back"), app)
        assert stage(app) == ("ramp", 10_000)
        line = AuditLine.objects.filter(action="stage_step_back").get()
        assert (line.actor, line.data["reason"]) == ("admin:ada", "as planned")
        html = desk.get(page_of(app)).content.decode()
        assert "ramp 1.5 % → ramp 100 %" in html

    @pytest.mark.parametrize("word", ["", "yes", "app"])
    def test_are_not_made_without_the_word(self, desk: Client, app: App, word: str) -> None:
        for action in ("advance", "panic"):
            answer = desk.post(page_of(app, action), {"word": word, "seen_stage": "dual_write", "seen_percentage": "0"})
            assert (answer.status_code, StageChange.objects.count()) == (422, 0)

    @pytest.mark.parametrize(
        "form", [{}, {"seen_stage": "x", "seen_percentage": "0"}, {"seen_stage": "shadow", "seen_percentage": "\x00"}]
    )
    def test_are_not_made_by_a_damaged_form(self, desk: Client, app: App, form: dict[str, str]) -> None:
        assert desk.post(page_of(app, "advance"), {"word": app.slug, **form}).status_code == 422
        assert StageChange.objects.count() == 0

    def test_are_held_to_the_gates_unless_the_word_and_a_reason_say_otherwise(self, desk: Client, app: App) -> None:
        page = page_of(app, "advance")
        html = desk.get(page).content.decode()
        assert "No device told how its outbox is." in html
        form = {**hidden(html), "word": app.slug, "reason": "as planned"}
        refused = desk.post(page, form)
        assert (refused.status_code, stage(app)) == (422, ("dual_write", 0))
        assert "Gates do not hold: receipts: No device was seen lately." in refused.content.decode()
        forced = {**form, "word": f"force {app.slug}"}
        assert desk.post(page, {**forced, "reason": " "}).status_code == 422
        assert stage(app) == ("dual_write", 0)
        desk.post(page, forced)
        assert stage(app) == ("shadow", 0)
        line = AuditLine.objects.get(action="stage_advance")
        assert set(line.data["forced_against"]) == {"receipts", "outbox", "diff", "rollback"}
        back = page_of(app, "step_back")
        assert desk.post(back, {**forced, **hidden(desk.get(back).content.decode())}).status_code == 422

    def test_of_how_reads_are_compared_are_made_here_too(self, desk: Client, app: App) -> None:
        page = page_of(app, "compare", "notes")
        rules = {"rate": "12.5", "comparator": "json", "ignore": "/at\r\n\r\n  /seen/0 \r\n"}
        confirm(desk, page, app, **rules)
        row = CollectionStage.objects.get(app=app, collection="notes")
        assert (row.compare_rate, row.comparator, row.compare_ignore) == (0.125, "json", ["/at", "/seen/0"])
        line = AuditLine.objects.get(action="stage_compare")
        assert (line.actor, line.data["compare_rate"], line.data["compare_ignore"]) == (
            "admin:ada",
            0.125,
            row.compare_ignore,
        )
        html = desk.get(page).content.decode()
        assert 'value="12.5"' in html
        assert "/at\n/seen/0</textarea>" in html
        for wrong in ({"rate": "x"}, {"rate": ""}):
            assert desk.post(page, {"word": app.slug, **rules, **wrong}).status_code == 422
        for wrong in ({"rate": "101"}, {"rate": "nan"}, {"comparator": "fuzzy"}, {"ignore": "at"}, {"ignore": "/\x00"}):
            desk.post(page, {"word": app.slug, **rules, **wrong})
        assert StageChange.objects.count() == 1

    def test_put_a_collection_back_with_the_rest(self, desk: Client, app: App) -> None:
        at_stage(app, "ramp", percentage=500, collection="notes")
        make_plan(App.objects.get(id=app.id), collection="notes")
        assert page_of(app, "rejoin", "notes") in desk.get(page_of(app)).content.decode()
        confirm(desk, page_of(app, "rejoin", "notes"), app)
        assert not CollectionStage.objects.filter(app=app, collection="notes").exists()
        assert not CutoverPlan.objects.exists()
        assert "rejoin" not in desk.get(page_of(app)).content.decode().split("History")[0]
        assert AuditLine.objects.get(action="stage_rejoin").data["reason"] == "as planned"

    def test_are_not_made_where_somebody_else_was_first(self, desk: Client, app: App) -> None:
        seen = hidden(desk.get(page_of(app, "advance")).content.decode())
        seen |= {"word": f"force {app.slug}", "reason": "as planned"}
        cutting_over.advance(app_id=app.id, why=Why("another", force=True), at=timezone.now())
        html = desk.post(page_of(app, "advance"), seen, follow=True).content.decode()
        assert "Somebody else has changed the stage meanwhile." in html
        assert stage(app) == ("shadow", 0)

    def test_of_one_collection_leave_the_rest(self, desk: Client, app: App) -> None:
        confirm(desk, page_of(app, "advance", "notes"), app)
        assert (stage(app, "notes"), stage(app)) == (("shadow", 0), ("dual_write", 0))
        assert desk.get(page_of(app, "advance", "unknown")).status_code == 404

    def test_that_are_not_legal_say_why_and_have_no_form(self, desk: Client, app: App) -> None:
        html = desk.get(page_of(app, "complete")).content.decode()
        assert "Only server_primary can be completed" in html
        assert 'name="word"' not in html

    def test_of_a_panic_are_shown_and_released(self, desk: Client, app: App) -> None:
        at_stage(app, "complete", percentage=10_000)
        give_receipt(device := make_device(make_owner(app)))
        shown = desk.get(page_of(app, "panic")).content.decode()
        assert "Whom a panic does not serve" in shown
        assert str(device.owner_id) in shown
        html = confirm(desk, page_of(app, "panic"), app)
        assert str(device.owner_id) in html
        assert "Every browser reads from itself until it is released" in html
        assert App.objects.get(id=app.id).panic
        confirm(desk, page_of(app, "release_panic"), app)
        assert not App.objects.get(id=app.id).panic
        assert list(StageChange.objects.values_list("action", flat=True)) == [Action.RELEASE_PANIC, Action.PANIC]
