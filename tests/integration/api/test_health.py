"""Probes, the configuration, and the description of the API."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from redis.exceptions import RedisError

from migration.api import accounts, answers
from migration.api.openapi import openapi
from migration.api.problems import STATUSES
from migration.cutover import Config
from migration.dispatch import bell
from migration.lifecycle import enlist
from migration.orchestration.sweeping import sweep
from tests.factories.doors import Browser, account, make_tenant

pytestmark = pytest.mark.django_db


def refuse(*_: object) -> None:
    raise OperationalError


class TestProbes:
    def test_a_process_that_answers_is_alive_whatever_is_down(self) -> None:
        with connection.execute_wrapper(refuse):
            assert Browser().client.get("/livez").json() == {"alive": True}

    def test_a_ready_process_shows_the_token_it_was_started_with(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MIGRATION_READY_TOKEN", "abc")
        answer = Browser().client.get("/readyz")
        assert (answer.status_code, answer.json()["token"]) == (200, "abc")
        msgspec.convert(answer.json(), answers.Ready)

    def test_without_a_database_nothing_is_ready(self) -> None:
        with connection.execute_wrapper(refuse):
            answer = Browser().client.get("/readyz")
        assert (answer.status_code, answer.json()["database"]) == (503, False)

    def test_with_a_migration_missing_nothing_is_ready(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'migration' AND name <> '0001_initial'")
        answer = Browser().client.get("/readyz")
        assert (answer.status_code, answer.json()["migrated"]) == (503, False)


class TestHealth:
    """Who enlists stays so as long as its connection, whatever is rolled back: those tests have one of their own."""

    @pytest.mark.django_db(transaction=True)
    def test_is_ok_with_a_worker_and_degraded_without(self) -> None:
        assert Browser().get("/health").json()["status"] == "degraded"
        enlist()
        assert Browser().get("/health").json()["status"] == "ok"

    @pytest.mark.django_db(transaction=True)
    def test_tells_its_parts_to_owners_and_to_nobody_else(self) -> None:
        enlist()
        assert Browser().get("/health").json()["parts"] is None
        assert Browser(token="forged").get("/health").status_code == 401
        told = msgspec.convert(account(make_tenant()).get("/health").json(), accounts.Health)
        assert told.parts is not None
        assert (told.parts.workers, told.parts.queue_depth, told.parts.queue_age_seconds) == (1, 0, 0.0)
        assert told.parts.database_ms is not None
        assert told.parts.breakers == {"postgres": "closed", "redis": "closed"}

    def test_tells_when_the_last_sweep_was(self) -> None:
        browser = account(make_tenant())
        assert browser.get("/health").json()["parts"]["last_sweep_seconds"] is None
        sweep(at=timezone.now() - timedelta(seconds=30))
        assert 29 < browser.get("/health").json()["parts"]["last_sweep_seconds"] < 60

    @pytest.mark.django_db(transaction=True)
    def test_is_degraded_without_redis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise RedisError

        enlist()
        monkeypatch.setattr(bell, "_queue", fail)
        answer = Browser().get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")

    def test_is_down_without_a_database(self) -> None:
        with connection.execute_wrapper(refuse):
            answer = Browser().get("/health")
        assert (answer.status_code, answer.json()["status"], answer.json()["parts"]) == (503, "down", None)


class TestConfiguration:
    def test_is_shown_for_a_publishable_key_and_for_a_token(self) -> None:
        tenant = make_tenant(collections=[{"name": "todo", "patterns": ["todo:*"]}], exclude=["cache:*"])
        by_key = Browser().get("/config", **{"Migration-App": tenant.key}).json()
        by_token = account(tenant).get("/config").json()
        assert by_key["collections"] == [{"name": "todo", "patterns": ["todo:*"], "conflict_policy": "AUTO_MERGE"}]
        assert (by_key["app"], by_key["exclude"], by_key["epoch"]) == (tenant.key, ["cache:*"], "1.0")
        assert {**by_token, "epoch": "1.0"} == by_key
        assert len(msgspec.convert(by_token, Config).timeline) == 16

    def test_is_not_sent_again_while_nothing_changed(self) -> None:
        tenant = make_tenant()
        first = Browser().get("/config", **{"Migration-App": tenant.key})
        asked = {"Migration-App": tenant.key, "If-None-Match": first.headers["ETag"]}
        again = Browser().get("/config", **asked)
        assert (again.status_code, again.content) == (304, b"")
        tenant.app.exclude = ["x"]
        tenant.app.save()
        assert Browser().get("/config", **asked).status_code == 200

    def test_of_no_app_is_shown_to_nobody(self) -> None:
        for key in ("", "pk_nobody"):
            assert Browser().get("/config", **{"Migration-App": key}).status_code == 401


class TestTheDescription:
    def test_is_served_with_a_page_to_read_it(self) -> None:
        assert Browser().get("/openapi.json").json() == openapi()
        page = Browser().client.get("/api/v1/docs", headers={"Accept": "text/html"})
        assert (page.status_code, b"/api/v1/openapi.json" in page.content) == (200, True)
        assert not page.cookies

    def test_points_at_nothing_that_is_not_there(self) -> None:
        def references(value: Any) -> set[str]:
            if isinstance(value, dict):
                own = {value["$ref"]} if "$ref" in value else set()
                return own.union(*(references(one) for one in value.values()))
            return set().union(*(references(one) for one in value)) if isinstance(value, list) else set()

        known = {f"#/components/schemas/{name}" for name in openapi()["components"]["schemas"]}
        assert references(openapi()) <= known

    def test_names_every_code_of_the_table(self) -> None:
        described = str(openapi()["paths"])
        # Two codes are not any operation's own: a malformed request, and a receipt shown back to us.
        assert {code for code in STATUSES if f"`{code}`" not in described} <= {
            *("bad_request", "method_not_allowed", "not_migrated")
        }

    def test_has_one_name_for_each_operation(self) -> None:
        names = [one["operationId"] for methods in openapi()["paths"].values() for one in methods.values()]
        assert len(names) == len(set(names)) >= 28
