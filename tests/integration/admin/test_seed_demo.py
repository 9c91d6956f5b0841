import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from migration.models import App, AuditLine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_ORIGIN", "http://127.0.0.1:8123,http://localhost:8123")
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "a-long-password")


class TestSeedDemo:
    def test_says_nothing_unless_asked(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("seed_demo")
        assert capsys.readouterr().out == ""
        call_command("seed_demo", verbosity=2)
        assert "pk_demo" in capsys.readouterr().out

    def test_makes_the_app_and_the_administrator(self) -> None:
        call_command("seed_demo")
        app = App.objects.get(publishable_key="pk_demo")
        assert app.allowed_origins == ["http://127.0.0.1:8123", "http://localhost:8123"]
        assert [one["name"] for one in app.collections] == ["notes", "todos", "settings"]
        admin = authenticate(username="admin", password="a-long-password")
        assert admin is not None
        assert admin.is_superuser

    def test_done_again_brings_back_what_should_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call_command("seed_demo")
        App.objects.update(is_active=False, name="My demo")
        monkeypatch.setenv("DEMO_ORIGIN", "http://127.0.0.1:9000")
        monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "another-password")
        call_command("seed_demo")
        app = App.objects.get(slug="demo")
        assert (app.is_active, app.name, app.allowed_origins) == (True, "My demo", ["http://127.0.0.1:9000"])
        assert authenticate(username="admin", password="another-password") is not None
        assert AuditLine.objects.filter(action="app_created").count() == 1
