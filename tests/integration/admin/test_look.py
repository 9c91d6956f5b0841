"""The admin's look: with the theme and without it, every page is there, and runs nothing that is not ours."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration.orchestration.pulse import fold_pulse
from migration.values.digests import key_hash, to_wire
from migration.values.lines import literal
from syncserver.settings import environment, theme
from tests.factories.writes import write
from tests.integration.admin.conftest import HOSTILE, World
from tests.integration.admin.test_pages import assert_harmless

THEMED = "unfold.css"


def addresses(world: World) -> list[str]:
    """Every list, every page of an object, and the pages of no model."""
    write(world.owner, HOSTILE, HOSTILE)
    place = to_wire(key_hash(literal(HOSTILE)))
    paths = [
        reverse("admin:index"),
        reverse("admin:migration_records"),
        reverse("admin:migration_record", args=[world.owner.id, place]),
        reverse("admin:migration_migrationrun_rollback", args=[world.run.id]),
        reverse("admin:migration_app_add"),
        reverse("admin:password_change"),
        reverse("admin:django_rq_dashboard_changelist"),
    ]
    for model in admin.site._registry:
        options = model._meta
        if options.app_label == "django_rq":
            continue
        paths.append(reverse(f"admin:{options.app_label}_{options.model_name}_changelist"))
        one = model._default_manager.first()
        if one is not None:
            paths.append(reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[one.pk]))
    return paths


@pytest.mark.django_db
class TestThemed:
    def test_pages_allow_no_script_but_ours(self, desk: Client, world: World) -> None:
        fold_pulse(at=timezone.now())
        for path in addresses(world):
            response = desk.get(path)
            html = response.content.decode()
            assert response.status_code == 200, path
            assert THEMED in html, path
            assert_local(html, path)
            policy = response.headers["Content-Security-Policy"]
            assert "script-src 'self' 'unsafe-eval';" in policy
            assert "default-src 'none'" in policy

    def test_the_policy_stays_with_the_admin(self, desk: Client) -> None:
        assert "unsafe-eval" not in desk.get("/api/v1/openapi.json").headers.get("Content-Security-Policy", "")

    def test_the_sidebar_names_what_the_user_may_see(self, desk: Client, world: World) -> None:
        html = desk.get(reverse("admin:index")).content.decode()
        sidebar = re.search(r'id="nav-sidebar-apps".*?</nav>', html, re.DOTALL)
        assert sidebar is not None
        for title in ("Runs", "Records", "Backups", "Apps", "Owners", "Audit log", "Users", "Queues"):
            assert f"<span>{title}</span>" in sidebar[0]
        User.objects.create(username="nobody", is_staff=True)
        nobody = Client()
        nobody.force_login(User.objects.get(username="nobody"))
        html = nobody.get(reverse("admin:index")).content.decode()
        assert "<span>Runs</span>" not in html
        assert "<span>Records</span>" not in html

    def test_the_badge_names_the_installation(self, desk: Client, settings: pytest.FixtureRequest) -> None:
        settings.ENVIRONMENT = "production"  # type: ignore[attr-defined]
        assert "production" in desk.get(reverse("admin:index")).content.decode()


@pytest.mark.django_db(transaction=True)
class TestPlain:
    def test_every_page_is_there_without_the_theme(self, world: World, administrator: User) -> None:
        fold_pulse(at=timezone.now())
        paths = addresses(world)
        for path, (status, policy, html) in rendered(paths, administrator).items():
            assert status == 200, path
            assert "unfold" not in html, path
            assert "unsafe" not in policy
            if "/django_rq/" not in path:
                assert_harmless(html)
            assert_local(html, path)


class TestSetting:
    def test_takes_two_words_and_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MIGRATION_ADMIN_THEME", "None")
        assert environment.choice("MIGRATION_ADMIN_THEME", theme.THEMES, default="unfold") == "none"
        monkeypatch.setenv("MIGRATION_ADMIN_THEME", "grappelli")
        with pytest.raises(environment.ImproperlyConfigured, match="MIGRATION_ADMIN_THEME"):
            environment.choice("MIGRATION_ADMIN_THEME", theme.THEMES, default="unfold")


def assert_local(html: str, path: str) -> None:
    """Nothing on the page comes from another host."""
    fetched = re.findall(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="([^"]*)"', html)
    assert [one for one in fetched if not one.startswith("/")] == [], path


def rendered(paths: list[str], administrator: User) -> dict[str, tuple[int, str, str]]:
    """What a process without the theme shows of the very same database."""
    given = connection.settings_dict
    url = f"postgresql://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
    env = {**os.environ, "MIGRATION_ADMIN_THEME": "none", "DATABASE_URL": url, "ALLOWED_HOSTS": "testserver"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.admin.plain", administrator.get_username()],
        input=json.dumps(paths), capture_output=True, text=True, env=env, cwd=settings.BASE_DIR, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
