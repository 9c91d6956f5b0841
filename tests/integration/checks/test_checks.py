"""`check --deploy` is clean on the shipped production settings and names every danger that is put there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.db import connection

from migration.checks import DANGERS
from migration.models import App
from syncserver.stack import PROJECT
from tests.factories.loads import make_app

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "syncserver.settings.production",
    "SECRET_KEY": "".join(chr(33 + number * 7 % 90) for number in range(64)),
    "ALLOWED_HOSTS": "sync.example.com",
    "DATABASE_URL": "postgresql://sync:secret@db.example.com/sync?sslmode=verify-full",
    "REDIS_URL": "rediss://:secret@redis.example.com:6380/0",
    "MIGRATION_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
}


def checked(*arguments: str, **env: str) -> str:
    """What `manage.py check --deploy` says in a process of its own with this environment and no other."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **PRODUCTION, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


class TestProduction:
    def test_is_clean_with_a_full_environment(self) -> None:
        assert checked() == ""

    def test_tells_of_everything_that_is_dangerous_at_once(self) -> None:
        said = checked(
            DJANGO_SETTINGS_MODULE="syncserver.settings",
            SECRET_KEY="",
            DEBUG="1",
            ALLOWED_HOSTS="*",
            DATABASE_URL="postgresql://sync@db.example.com/sync",
            REDIS_URL="redis://redis.example.com/0",
            MIGRATION_ENCRYPTION_KEYS="",
            MIGRATION_FAULTS="intake.before_store:1:kill",
            MIGRATION_TOKEN_SECONDS="86400",
            MIGRATION_TRUSTED_PROXIES="2",
            MIGRATION_GUEST_BYTES_PER_DAY="0",
            MIGRATION_REQUESTS_PER_MINUTE="0",
        )
        ours = {f"migration.{one}" for one in ("E001", "E002", "E004", "W005", "W007", "W008", "W009", "W011", "W012")}
        djangos = {"security.W004", "security.W008", "security.W012", "security.W016", "security.W018"}
        assert [one for one in sorted({*ours, *djangos, "migration.W014"}) if one not in said] == []
        assert "HINT" in said

    @pytest.mark.parametrize("name", ["MIGRATION_FAULTS", "DEBUG"])
    def test_does_not_even_start_with(self, name: str) -> None:
        assert f"{name}" in checked(**{name: "1"})


Make = Callable[[Any, Path], None]


def owned(**given: Any) -> Make:
    """Change settings of the app itself."""

    def make(settings: Any, _: Path) -> None:
        settings.MIGRATION = {**settings.MIGRATION, **given}

    return make


def set_to(**given: Any) -> Make:
    """Change settings of the project."""

    def make(settings: Any, _: Path) -> None:
        for name, value in given.items():
            setattr(settings, name, value)

    return make


def a_database(**given: Any) -> Make:
    """Change how the database is reached."""

    def make(settings: Any, _: Path) -> None:
        settings.REACHED.update(given)

    return make


def a_secret_in_a_template(settings: Any, folder: Path) -> None:
    (folder / "page.html").write_text(f"<script>const key = 'sk_{'a1B2' * 12}'</script>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [folder]}]


def a_secret_in_a_static_file(settings: Any, folder: Path) -> None:
    (folder / "page.js").write_text(f"const key = 'sk_{'a1B2' * 12}'")
    settings.STATICFILES_DIRS = [("page", folder)]


FERNET = Fernet.generate_key().decode()
DANGEROUS: list[tuple[str, Make]] = [
    ("E001", owned(FAULTS="load.entry:1:kill")),
    ("E002", owned(ENCRYPTION_KEYS="")),
    ("E002", owned(ENCRYPTION_KEYS=",")),
    ("E003", owned(ENCRYPTION_KEYS="A" * 43 + "=")),
    ("E003", owned(ENCRYPTION_KEYS=f"{FERNET},not-a-key")),
    ("E004", set_to(SECRET_KEY_IS_MADE_UP=True)),
    ("W005", set_to(ALLOWED_HOSTS=["*"])),
    ("W005", set_to(ALLOWED_HOSTS=["sync.example.com", "."])),
    ("E006", set_to(CORS_ALLOW_ALL_ORIGINS=True)),
    ("E006", set_to(CORS_ALLOWED_ORIGIN_REGEXES=[r".*\.example\.com"])),
    ("E006", set_to(CORS_ALLOW_CREDENTIALS=True)),
    ("E006", set_to(CORS_URLS_REGEX="^.*$")),
    ("W007", owned(TOKEN_SECONDS="3600")),
    ("W007", owned(TICKET_SECONDS="3600")),
    ("W008", set_to(REDIS_URL="redis://:secret@redis.example.com/0")),
    ("W008", set_to(REDIS_URL="rediss://redis.example.com/0")),
    ("W009", a_database(HOST="db.example.com", OPTIONS={"sslmode": "require"})),
    ("E010", a_database(OPTIONS={"pool": {"max_size": 4}})),
    ("W011", owned(REQUESTS_PER_MINUTE="0")),
    ("W011", owned(ADDRESS_REFUSALS_PER_MINUTE="0")),
    ("W012", owned(GUEST_STORED_BYTES="0")),
    ("W012", owned(GUEST_RUNS_PER_DAY="100000")),
    ("W013", set_to(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))),
    ("W014", owned(TRUSTED_PROXIES="1")),
    ("E015", set_to(LOGGING={"loggers": {"django.db.backends": {"level": "DEBUG"}}})),
    ("W016", set_to(SESSION_COOKIE_HTTPONLY=False)),
    ("W016", set_to(CSRF_COOKIE_SAMESITE="None")),
    ("E017", a_secret_in_a_template),
    ("E017", a_secret_in_a_static_file),
    ("E018", set_to(RQ_QUEUES={"default": {}})),
]
IN_THE_DATABASE = {"E020", "W021", "E022", "W023", "W024", "W025"}


def found(*, databases: list[str] | None = None) -> dict[str, str]:
    """{id: message} of our dangers, as `check --deploy` finds them in this process."""
    told = run_checks(include_deployment_checks=True, databases=databases)
    return {str(one.id): f"{one.msg} {one.hint}" for one in told if str(one.id).startswith("migration.")}


class TestEachDanger:
    def test_is_tried_here(self) -> None:
        tried = {f"migration.{number}" for number in {*IN_THE_DATABASE, *(number for number, _ in DANGEROUS)}}
        assert tried == {one.id for one in DANGERS}

    def test_has_an_id_of_its_own_and_a_hint(self) -> None:
        assert len({one.id for one in DANGERS}) == len(DANGERS)
        assert all(len(one.hint) > 20 for one in DANGERS)

    @pytest.fixture
    def safe(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Settings in which nothing is dangerous."""
        settings.REACHED = dict(settings.DATABASES["default"])
        monkeypatch.setitem(settings.DATABASES, "default", settings.REACHED)
        set_to(SECRET_KEY_IS_MADE_UP=False)(settings, Path())
        given = {"ENCRYPTION_KEYS": FERNET, "ADDRESS_REQUESTS_PER_MINUTE": "1000", "ADDRESS_REFUSALS_PER_MINUTE": "10"}
        owned(**given)(settings, Path())
        assert found() == {}
        return settings

    @pytest.mark.parametrize(("number", "make"), DANGEROUS)
    def test_is_told_and_nothing_else_is(self, number: str, make: Make, safe: Any, tmp_path: Path) -> None:
        make(safe, tmp_path)
        assert set(found()) == {f"migration.{number}"}

    def test_of_a_secret_does_not_repeat_it(self, safe: Any, tmp_path: Path) -> None:
        a_secret_in_a_template(safe, tmp_path)
        assert "a1B2" not in str(found())


@pytest.mark.django_db
class TestTheDatabase:
    def told(self) -> dict[str, str]:
        return {one: text for one, text in found(databases=["default"]).items() if one[-4:] in IN_THE_DATABASE}

    def test_tells_of_a_table_without_its_wall(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE migration_record NO FORCE ROW LEVEL SECURITY")
        assert "migration_record" in self.told()["migration.E020"]

    def test_tells_of_a_login_that_passes_by(self) -> None:
        # The tests' own login is a superuser, which is what this is about.
        assert set(self.told()) <= {"migration.W023"}

    def test_tells_when_nothing_binds_it(self, settings: Any) -> None:
        owned(TENANT_ROLE="there is no such role")(settings, Path())
        told = self.told()
        assert {"migration.E022", "migration.W021"} & set(told)
        assert "there is no such role" in str(told)

    def test_tells_of_apps_over_plain_http(self) -> None:
        make_app(allowed_origins=["http://localhost:8000", "https://app.example"])
        assert "migration.W024" not in self.told()
        slug = make_app(allowed_origins=["http://app.example"]).slug
        assert slug in self.told()["migration.W024"]
        App.objects.filter(slug=slug).update(is_active=False)
        assert "migration.W024" not in self.told()

    def test_tells_of_apps_that_let_guests_send_without_end(self) -> None:
        slug = make_app(limits={"guest_bytes_per_day": 0}).slug
        assert slug in self.told()["migration.W025"]
        App.objects.filter(slug=slug).update(guests_allowed=False)
        assert "migration.W025" not in self.told()

    def test_is_not_asked_unless_wanted(self) -> None:
        make_app(allowed_origins=["http://app.example"])
        assert not {one for one in found() if one[-4:] in IN_THE_DATABASE}
