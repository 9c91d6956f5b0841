"""A collection, a record, a whole app taken back from the admin: previewed, confirmed, followed, steered, undone."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from migration.models import App, AppPoint, AppRollback, AuditLine, Owner, Rollback
from migration.rollback import create_point
from migration.values.lines import literal
from tests.factories.held import values_of
from tests.factories.loads import make_app, make_owner
from tests.factories.ways_back import edit, held, owners_of
from tests.factories.workers import Worker
from tests.factories.writes import write
from tests.integration.admin.test_going_back import confirm, key_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> Owner:
    """An owner who wrote three keys of two collections twice."""
    owner = make_owner()
    for value in ("old", "new"):
        for key, collection in (("a", "left"), ("b", "right"), ("\ud800<", "right")):
            write(owner, key, value, collection=collection)
    return owner


def seen(desk: Client, address: str) -> str:
    answer = desk.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


class TestAnOwner:
    def test_goes_back_to_a_revision_in_part(self, desk: Client, owner: Owner) -> None:
        base = reverse("admin:migration_owner_rollback", args=[owner.id])
        page = f"{base}?to=3&collection=right"
        html = seen(desk, page)
        assert "the collection right goes back" in html
        assert "<b>2</b> <span>go back</span>" in html
        assert "<b>2</b> <span>edits are set aside</span>" in html
        confirm(desk, page, owner.id)
        Worker().work_until_done()
        assert values_of(owner) == {"a": "new", "b": "old", "\ud800<": "old"}
        assert "the collection right" in seen(desk, reverse("admin:migration_rollback_changelist"))
        page = reverse("admin:migration_rollback_undo", args=[Rollback.objects.get().id])
        assert "<b>2</b> <span>go back</span>" in seen(desk, page)
        confirm(desk, page, Rollback.objects.get().id)
        Worker().work_until_done()
        assert set(values_of(owner).values()) == {"new"}

    def test_goes_back_to_a_point_in_one_record_found_by_its_history(self, desk: Client, owner: Owner) -> None:
        from django.utils import timezone

        from migration.values.digests import key_hash, to_wire

        place = to_wire(key_hash(literal("\ud800<")))
        html = seen(desk, reverse("admin:migration_record", args=[owner.id, place]))
        [address] = re.findall(r'href="([^"]+)">Go back to this…', html)
        page = address.replace("&amp;", "&")
        assert page.endswith("&to=3")
        confirm(desk, page, owner.id)
        Worker().work_until_done()
        assert values_of(owner) == {"a": "new", "b": "new", "\ud800<": "old"}

        point = create_point(owner_id=owner.id, name="here", actor="test", at=timezone.now())
        write(owner, "a", "newer")
        write(owner, "b", "newer")
        page = reverse("admin:migration_rollbackpoint_rollback", args=[point.id]) + "?key=%22a%22"
        assert "the record" in seen(desk, page)
        confirm(desk, page, point.id)
        Worker().work_until_done()
        assert values_of(owner) == {"a": "new", "b": "newer", "\ud800<": "old"}

    @pytest.mark.parametrize("key", ["a", "1", "%22", "[]"])
    def test_is_left_alone_where_the_key_cannot_be_read(self, desk: Client, owner: Owner, key: str) -> None:
        page = f"{reverse('admin:migration_owner_rollback', args=[owner.id])}?to=3&key={key}"
        html = desk.get(page).content.decode()
        assert "A key is written as a JSON string" in html
        form = {"word": str(owner.id)[:8], "idempotency_key": str(uuid4())}
        assert desk.post(page, form).status_code == 422
        assert not Rollback.objects.exists()

    @pytest.mark.parametrize("to", ["7", "-1", "x", "9" * 30])
    def test_has_no_revision_it_never_had(self, desk: Client, owner: Owner, to: str) -> None:
        page = f"{reverse('admin:migration_owner_rollback', args=[owner.id])}?to={to}"
        assert desk.get(page).status_code == 404


class TestAWholeApp:
    def test_gets_a_point_and_goes_back_to_it_seen_on_its_page(self, desk: Client) -> None:
        app, worker = make_app(), Worker()
        owners = owners_of(app, 3)
        make = reverse("admin:migration_apppoint_make", args=[app.id])
        assert make in seen(desk, reverse("admin:migration_app_change", args=[app.id]))
        assert desk.post(make, {"name": " "}).status_code == 422
        assert desk.post(make, {"name": "noon <b>"}).status_code == 302
        point = AppPoint.objects.get()
        assert (point.owners, point.actor) == (3, "admin:ada")
        edit(owners[:2])
        newcomer = make_owner(app)
        write(newcomer, "k", "new")

        page = reverse("admin:migration_apppoint_rollback", args=[point.id])
        html = seen(desk, page)
        assert "noon &lt;b&gt;" in html
        for count, what in (("4", "owners"), ("3", "have changed"), ("1", "are not in the point")):
            assert f"<b>{count}</b> <span>{what}</span>" in html
        for count, what in (("2", "records go back"), ("1", "records are removed"), ("3", "edits are set aside")):
            assert f"<b>{count}</b> <span>{what}</span>" in html
        assert desk.post(page, {"word": "yes", "idempotency_key": str(uuid4())}).status_code == 422
        assert not AppRollback.objects.exists()
        form = {"word": app.slug, "idempotency_key": key_in(html)}
        for _ in range(2):
            assert desk.post(page, form).status_code == 302
        order = AppRollback.objects.get()

        change = reverse("admin:migration_approllback_change", args=[order.id])
        state = reverse("admin:migration_approllback_state", args=[order.id])
        assert f'data-wait="{state}"' in seen(desk, change)
        self.steer(desk, order, "pause")
        worker.work_until_done()
        assert desk.get(state).json()["said"].startswith("0 of 4 owners")
        assert "Resume" in seen(desk, change)
        self.steer(desk, order, "resume")
        worker.work_until_done()
        told = desk.get(state).json()
        assert (told["state"], told["percentage"]) == ("done", 100.0)
        assert told["said"].startswith("4 of 4 owners done")
        assert held(owners) == ["before"] * 3
        assert values_of(newcomer) == {"k": None}
        html = seen(desk, reverse("admin:migration_approllback_changelist"))
        assert "m-badge-done" in html
        assert "Undo…" in html

        page = reverse("admin:migration_approllback_undo", args=[order.id])
        html = seen(desk, page)
        assert "<b>3</b> <span>owners</span>" in html
        desk.post(page, {"word": app.slug, "idempotency_key": key_in(html)})
        worker.work_until_done()
        assert held(owners) == ["after", "after", "before"]
        assert "Undo…" not in seen(desk, change)

        one = reverse("admin:migration_owner_change", args=[owners[0].id])
        assert "off since a rollback" in seen(desk, one)
        assert desk.post(reverse("admin:migration_owner_on", args=[owners[0].id])).status_code == 302
        assert "Put on again" not in seen(desk, one)
        assert "owners on again" in seen(desk, change)
        self.steer(desk, order, "on")
        assert not Owner.objects.filter(switched_off=True).exists()
        assert AuditLine.objects.filter(action="epoch_raised", data__cause="on_again").count() == 4
        actors = set(AuditLine.objects.filter(action__startswith="app_rollback").values_list("actor", flat=True))
        assert actors == {"admin:ada"}

    @staticmethod
    def steer(desk: Client, order: AppRollback, verb: str) -> None:
        answer = desk.post(reverse("admin:migration_approllback_steer", args=[order.id, verb]))
        assert answer.status_code == 302

    @staticmethod
    def stumbled(desk: Client, owners: list[Owner], monkeypatch: pytest.MonkeyPatch) -> AppRollback:
        """Return the rollback of an app each of whose owners failed."""
        from migration.errors import WrongState
        from migration.orchestration import reverting

        app = owners[0].app
        desk.post(reverse("admin:migration_apppoint_make", args=[app.id]), {"name": "noon"})
        page = reverse("admin:migration_apppoint_rollback", args=[AppPoint.objects.get().id])
        edit(owners)
        desk.post(page, {"word": app.slug, "idempotency_key": key_in(seen(desk, page))})

        def stumble(*_: object, **__: object) -> None:
            raise WrongState

        with monkeypatch.context() as patched:
            patched.setattr(reverting, "_begin_share", stumble)
            Worker().work_until_done()
        return AppRollback.objects.get()

    def test_shows_owners_that_failed_with_their_reasons_and_retries_them(
        self, desk: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owners = owners_of(make_app(), 2)
        order = self.stumbled(desk, owners, monkeypatch)
        change = reverse("admin:migration_approllback_change", args=[order.id])
        html = seen(desk, change)
        assert "0 of 2 owners done · 2 failed" in html
        failed = f"{reverse('admin:migration_rollback_changelist')}?app_rollback__id__exact={order.id}"
        assert failed in html
        assert "WrongState" in seen(desk, reverse("admin:migration_rollback_change", args=[order.shares.first().id]))
        assert desk.get(failed, {"state__exact": "failed"}).context["cl"].result_count == 2
        self.steer(desk, order, "retry")
        Worker().work_until_done()
        assert held(owners) == ["before"] * 2
        assert "Retry" not in seen(desk, change)

    def test_offers_no_retry_of_what_was_undone_since(self, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        order = self.stumbled(desk, owners_of(make_app(), 1), monkeypatch)
        change = reverse("admin:migration_approllback_change", args=[order.id])
        assert "Retry" in seen(desk, change)
        page = reverse("admin:migration_approllback_undo", args=[order.id])
        desk.post(page, {"word": order.app.slug, "idempotency_key": key_in(seen(desk, page))})
        assert AppRollback.objects.filter(undoes=order).exists()
        assert "Retry" not in seen(desk, change)

    def test_is_refused_while_another_is_under_way_and_a_wrong_verb_is_none(self, desk: Client) -> None:
        app = make_app()
        owners_of(app, 1)
        points = []
        for name in ("one", "two"):
            desk.post(reverse("admin:migration_apppoint_make", args=[app.id]), {"name": name})
            points.append(AppPoint.objects.get(name=name))
        pages = [reverse("admin:migration_apppoint_rollback", args=[point.id]) for point in points]
        desk.post(pages[0], {"word": app.slug, "idempotency_key": key_in(seen(desk, pages[0]))})
        html = seen(desk, pages[1])
        assert "A rollback of this app is under way" in html
        assert 'name="word"' not in html
        order = AppRollback.objects.get()
        self.steer(desk, order, "explode")
        self.steer(desk, order, "resume")
        order.refresh_from_db()
        assert order.state == "at_work"

    def test_needs_the_right_to_act(self) -> None:
        app = make_app()
        watcher = User.objects.create(username="watcher", is_staff=True)
        app.staff.add(watcher)
        watcher.user_permissions.set(Permission.objects.filter(codename__in=["view_apppoint", "view_approllback"]))
        client = Client()
        client.force_login(watcher)
        assert client.post(reverse("admin:migration_apppoint_make", args=[app.id]), {"name": "x"}).status_code == 403
        assert not AppPoint.objects.exists()
        assert App.objects.filter(id=app.id).exists()
