"""Limits hold exactly under load, per owner and per address, and go on without Redis."""

from typing import Any
from uuid import uuid4

import pytest
from redis.exceptions import ConnectionError as NotConnected

from migration.api import limits
from migration.api.limits import Limiter, ProcessWindows
from tests.factories.doors import Browser, account, at_once, guest_id, make_tenant


class TestTheLimiter:
    def test_lets_exactly_a_hundred_of_four_hundred_through(self) -> None:
        key, limiter = f"test:{uuid4()}", Limiter()
        answers = at_once(16, lambda _: [limiter.take(key, limit=100) for _ in range(25)])
        waits = [wait for listed in answers for wait in listed]
        assert waits.count(0) == 100
        assert all(1 <= wait <= 60 for wait in waits if wait)

    def test_counts_each_key_for_itself(self) -> None:
        limiter = Limiter()
        first, second = f"test:{uuid4()}", f"test:{uuid4()}"
        assert [limiter.take(first, limit=1), limiter.take(second, limit=1)] == [0, 0]
        assert limiter.take(first, limit=1) > 0


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _no_redis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0

        def refuse(**_: Any) -> int:
            self.asked += 1
            raise NotConnected

        monkeypatch.setattr(limits, "_script", lambda: refuse)

    def test_the_process_counts_exactly_too(self) -> None:
        limiter = Limiter()
        answers = at_once(16, lambda _: [limiter.take("one", limit=100) for _ in range(25)])
        assert [wait for listed in answers for wait in listed].count(0) == 100

    def test_redis_is_left_alone_for_a_while(self) -> None:
        limiter = Limiter()
        for _ in range(50):
            limiter.take("one", limit=1_000)
        assert self.asked == 1

    @pytest.mark.django_db
    def test_requests_are_served(self) -> None:
        assert account(make_tenant()).get("/runs").status_code == 200


class TestWindows:
    def test_open_again_after_a_minute(self) -> None:
        windows = ProcessWindows()
        assert [windows.take("one", limit=2, now=100.0) for _ in range(3)] == [0, 0, 60]
        assert windows.take("one", limit=2, now=159.5) == 1
        assert windows.take("one", limit=2, now=160.0) == 0

    def test_forget_what_is_over(self) -> None:
        windows = ProcessWindows()
        for number in range(10_001):
            windows.take(str(number), limit=1, now=0.0)
        windows.take("later", limit=1, now=61.0)
        assert len(windows._windows) == 1


@pytest.mark.django_db
class TestThroughTheDoor:
    def test_an_owner_is_told_how_long_to_wait_and_others_are_not(self, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "REQUESTS_PER_MINUTE": "3"}
        tenant = make_tenant()
        busy, calm = account(tenant), account(tenant)
        assert [busy.get("/runs").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        answer = busy.get("/runs")
        assert 1 <= int(answer.headers["Retry-After"]) == answer.json()["retry_after"] <= 60
        assert calm.get("/runs").status_code == 200

    def test_an_address_opens_so_many_guest_sessions(self, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "GUEST_SESSIONS_PER_MINUTE": "3"}
        tenant, here = make_tenant(), f"192.0.2.{uuid4().int % 250}:{uuid4()}"

        def open_session(address: str) -> int:
            body = {"app_key": tenant.key, "guest": guest_id()}
            client = Browser().client
            client.defaults["REMOTE_ADDR"] = address
            return int(client.post("/api/v1/sessions", data=body, content_type="application/json").status_code)

        assert [open_session(here) for _ in range(4)] == [200, 200, 200, 429]
        assert open_session(f"192.0.2.251:{uuid4()}") == 200
