"""Settings from the environment: what is read, what is refused, and which process pools its connections."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from syncserver.settings import environment, logs
from syncserver.stack import PROJECT

PRODUCTION = {
    "SECRET_KEY": "k" * 50,
    "ALLOWED_HOSTS": "sync.example.org",
    "DATABASE_URL": "postgresql://db/x",
    "REDIS_URL": "redis://bell",
}
MANAGED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG", "MIGRATION_PROCESS")


def printed(expression: str, *, module: str = "syncserver.settings", **env: str) -> subprocess.CompletedProcess[str]:
    """What a fresh process prints for an expression over `settings`."""
    script = f"from django.conf import settings; print({expression})"
    inherited = {name: value for name, value in os.environ.items() if name not in MANAGED}
    return subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={**inherited, "DJANGO_SETTINGS_MODULE": module, **env},
    )


class TestDatabase:
    def test_is_read_from_its_address(self) -> None:
        read = environment.database("postgresql://me:p%40ss@db.example.org:6432/things?sslmode=require")
        assert read == {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "things",
            "USER": "me",
            "PASSWORD": "p@ss",
            "HOST": "db.example.org",
            "PORT": "6432",
            "OPTIONS": {"sslmode": "require"},
        }

    def test_may_be_a_socket_folder(self) -> None:
        assert environment.database("postgresql:///things?host=/run/postgresql")["HOST"] == "/run/postgresql"

    def test_of_another_make_is_refused(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
            environment.database("mysql://db/things")


class TestWords:
    def test_a_misspelt_flag_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEBUG", "ture")
        with pytest.raises(ImproperlyConfigured, match="DEBUG"):
            environment.flag("DEBUG", default=False)

    def test_an_address_keeps_the_members_it_has(self) -> None:
        assert environment.with_query("redis://h/1?socket_timeout=9", socket_timeout=2, socket_connect_timeout=1) == (
            "redis://h/1?socket_timeout=9&socket_connect_timeout=1"
        )


class TestPool:
    @pytest.mark.parametrize(("process", "pooled"), [("web", True), ("worker", False), ("sweeper", False)])
    def test_belongs_to_the_web_alone(self, process: str, pooled: bool) -> None:
        found = printed("'pool' in settings.DATABASES['default']['OPTIONS']", MIGRATION_PROCESS=process)
        assert found.stdout.strip() == str(pooled), found.stderr


class TestProduction:
    def test_starts_with_everything_named(self) -> None:
        found = printed("settings.SESSION_COOKIE_SECURE", module="syncserver.settings.production", **PRODUCTION)
        assert found.stdout.strip() == "True", found.stderr

    @pytest.mark.parametrize("missing", PRODUCTION)
    def test_guesses_nothing(self, missing: str) -> None:
        env = {name: value for name, value in PRODUCTION.items() if name != missing}
        found = printed("settings.DEBUG", module="syncserver.settings.production", **env)
        assert found.returncode != 0
        assert f"{missing} must be set" in found.stderr

    def test_refuses_to_debug(self) -> None:
        found = printed("settings.DEBUG", module="syncserver.settings.production", **PRODUCTION, DEBUG="1")
        assert "DEBUG must be off" in found.stderr


class TestLogs:
    def test_withhold_what_users_store(self) -> None:
        event = logs.withhold(None, "info", {"event": "stored", "value": "my diary", "token": "t", "count": 3})
        assert event == {"event": "stored", "value": "[withheld]", "token": "[withheld]", "count": 3}

    def test_show_keys_as_hashes_that_tell_equal_ones(self) -> None:
        one, other = (logs.withhold(None, "info", {"event": "seen", "key": key}) for key in ("diary", "diary"))
        assert one == other == {"event": "seen", "key": logs.hashed("diary")}
        assert "diary" not in str(one)

    def test_show_every_key_of_several_and_keys_no_encoding_takes(self) -> None:
        event = logs.withhold(None, "info", {"event": "seen", "keys": ["a", "\ud800"]})
        assert [len(shown) for shown in event["keys"]] == [19, 19]
