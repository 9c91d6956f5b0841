"""Staff of one app: nothing of another app exists for them, whichever page or verb they ask."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from migration.lifecycle import audit
from migration.models import App, AppSecret, ArchiveJob, AuditLine, CollectionSchema, Conflict, Tuning
from tests.factories.loads import make_app, make_run
from tests.integration.admin.conftest import World

PAGES = [
    (model, model_admin)
    for model, model_admin in admin.site._registry.items()
    if model._meta.app_label == "migration" and model is not Tuning  # of the machine, and no app's
]
VERBS = [
    (model_admin, pattern)
    for _, model_admin in PAGES
    for pattern in model_admin.get_urls()
    if isinstance(pattern, URLPattern) and pattern.name and "<path:object_id>" not in str(pattern.pattern)
]


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def stranger(world: World) -> Client:
    """Somebody who may do everything to another app."""
    user = User.objects.create(username="stranger", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="migration"))
    make_app().staff.add(user)
    return client_of(user)


@pytest.fixture
def colleague(world: World) -> Client:
    """Somebody who may do everything to this app."""
    user = User.objects.create(username="colleague", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="migration"))
    world.app.staff.add(user)
    return client_of(user)


def ids_of(world: World) -> dict[str, object]:
    """What the addresses of verbs name, by the names of their parameters."""
    return {
        "app_id": world.app.id,
        "secret_id": AppSecret.objects.get(app=world.app).id,
        "run_id": world.run.id,
        "owner_id": world.owner.id,
        "backup_id": world.run.backup.id,
        "entry_id": world.quarantined.id,
        "point_id": world.point.id,
        "rollback_id": world.rollback.id,
        "app_point_id": world.app_point.id,
        "app_rollback_id": world.app_rollback.id,
        "conflict_id": Conflict.objects.get(owner_id=world.owner.id).id,
        "schema_id": CollectionSchema.objects.get(app=world.app).id,
        "job_id": ArchiveJob.objects.filter(app_id=world.app.id)[0].id,
        "verb": "pause",
    }


def mine_of(model: type, world: World) -> list[object]:
    """Rows of a registered model that belong to the world's app."""
    return [row for row in model._default_manager.all() if _app_of(row, world)]


def _app_of(row: object, world: World) -> bool:
    named = {getattr(row, name, None) for name in ("app_id", "owner_id", "run_id")} | {getattr(row, "pk", None)}
    return bool(named & {world.app.id, world.owner.id, world.run.id})


@pytest.mark.parametrize(("model", "model_admin"), PAGES, ids=lambda one: getattr(one, "__name__", ""))
class TestPages:
    def test_of_another_app_are_not_there(
        self, model: type, model_admin: object, world: World, stranger: Client
    ) -> None:
        rows = mine_of(model, world)
        assert rows, f"the world has no {model.__name__}: nothing was tried"
        name = f"admin:migration_{model._meta.model_name}"
        listed = stranger.get(reverse(f"{name}_changelist"))
        assert listed.status_code == 200
        assert not {row.pk for row in rows} & {row.pk for row in listed.context["cl"].result_list}
        for row in rows:
            for page in ("change", "history", "delete"):
                answer = stranger.get(reverse(f"{name}_{page}", args=[row.pk]))
                assert answer.status_code in {302, 403, 404}, page
                assert answer.status_code != 302 or answer["Location"] == reverse("admin:index")

    def test_of_ones_own_are(self, model: type, model_admin: object, world: World, colleague: Client) -> None:
        listed = colleague.get(reverse(f"admin:migration_{model._meta.model_name}_changelist"))
        assert {row.pk for row in mine_of(model, world)} <= {row.pk for row in listed.context["cl"].result_list}


@pytest.mark.parametrize(("model_admin", "pattern"), VERBS, ids=lambda one: getattr(one, "name", ""))
class TestVerbs:
    def test_find_nothing_of_another_app(
        self, model_admin: object, pattern: URLPattern, world: World, stranger: Client
    ) -> None:
        needed = pattern.pattern.converters
        if not needed:
            return  # lists, which the test above looks into
        ids, lines = ids_of(world), AuditLine.objects.count()
        missing = set(needed) - set(ids)
        assert not missing, f"{pattern.name} names {missing}: say in ids_of what that is in the world"
        address = reverse(f"admin:{pattern.name}", kwargs={name: ids[name] for name in needed})
        for ask in (stranger.get, stranger.post):
            assert ask(address).status_code in {404, 405}, address
        assert 404 in {stranger.get(address).status_code, stranger.post(address).status_code}
        assert AuditLine.objects.count() == lines


def filled(desk: Client, app: App) -> dict[str, object]:
    """What the app's form sends when nothing is changed."""
    form = desk.get(reverse("admin:migration_app_change", args=[app.id])).context["adminform"].form
    given = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    said = {name: value for name, value in given.items() if value not in (None, False)}
    lists = {"allowed_origins": "https://app.example.com", "exclude": "", "allow_sensitive": "", "collections": "[]"}
    return {**said, **lists, "limits": "{}"}


class TestAnAppsLimits:
    def test_are_set_by_a_superuser_and_noted(self, desk: Client, world: World) -> None:
        page = reverse("admin:migration_app_change", args=[world.app.id])
        limits = '{"guest_bytes_per_day": 1024, "app_runs_per_day": 0}'
        assert desk.post(page, {**filled(desk, world.app), "limits": limits}).status_code == 302
        world.app.refresh_from_db()
        assert world.app.limits == {"guest_bytes_per_day": 1024, "app_runs_per_day": 0}
        assert "limits" in AuditLine.objects.get(action="app_changed").data["fields"]

    @pytest.mark.parametrize(
        "limits",
        ['{"guest_byte": 1}', '{"guest_bytes_per_day": -1}', '{"guest_bytes_per_day": "1"}', "[]x", '["a"]',
         '{"guest_bytes_per_day": true}', '{"address_requests_per_minute": 1}'],
    )  # fmt: skip
    def test_are_refused_when_no_limit_has_that_form(self, desk: Client, world: World, limits: str) -> None:
        page = reverse("admin:migration_app_change", args=[world.app.id])
        answer = desk.post(page, {**filled(desk, world.app), "limits": limits})
        assert "limits" in answer.context["adminform"].form.errors

    def test_are_not_for_an_apps_own_staff_to_raise(self, colleague: Client, world: World) -> None:
        page = reverse("admin:migration_app_change", args=[world.app.id])
        said = {"name": "x", "slug": "x", "collections": "[]", "conflict_policy": "AUTO_MERGE", "max_entry_bytes": 5}
        colleague.post(page, {**said, "limits": '{"guest_bytes_per_day": 0}'})
        world.app.refresh_from_db()
        assert world.app.limits == {}


class TestAnAppsStaff:
    def test_is_chosen_by_a_superuser_and_noted(self, desk: Client, world: World) -> None:
        user = User.objects.create(username="helper", is_staff=True)
        page = reverse("admin:migration_app_change", args=[world.app.id])
        assert desk.post(page, {**filled(desk, world.app), "staff": [user.pk]}).status_code == 302
        assert list(world.app.staff.all()) == [user]
        assert AuditLine.objects.get(action="app_staff_changed").data == {"added": ["helper"], "removed": []}

    def test_cannot_let_others_in(self, colleague: Client, world: World) -> None:
        page = colleague.get(reverse("admin:migration_app_change", args=[world.app.id]))
        assert "staff" not in page.context["adminform"].form.fields

    def test_sees_no_audit_line_that_names_no_app(self, colleague: Client) -> None:
        audit(actor="x", action="secret", target="y", at=timezone.now())
        listed = colleague.get(reverse("admin:migration_auditline_changelist"))
        assert not [line for line in listed.context["cl"].result_list if line.action == "secret"]

    def test_may_filter_by_its_own_apps_only(self, colleague: Client, world: World) -> None:
        other = make_run(make_run().device)
        page = colleague.get(reverse("admin:migration_migrationrun_changelist")).content.decode()
        assert str(other.app_id) not in page
