"""Limits hold exactly under load, per owner, app and address, and go on without Redis."""

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from redis.exceptions import ConnectionError as NotConnected

from migration.api import limits
from migration.api.advances import Advances
from migration.api.limits import Limiter, ProcessWindows, address_of
from migration.models import App
from tests.factories.doors import Browser, account, at_once, guest, guest_id, make_tenant


def limited(settings: Any, **to: int) -> None:
    settings.MIGRATION = {**settings.MIGRATION, **{name: str(limit) for name, limit in to.items()}}


def somewhere() -> str:
    """An address nobody else has."""
    return f"192.0.2.7:{uuid4()}"


@pytest.fixture
def long_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted together stays so, however long it takes."""
    monkeypatch.setattr(limits, "WINDOW_SECONDS", 3_600)


@pytest.mark.usefixtures("transactional_db", "long_window")
class TestTheLimiterAtOnce:
    def test_lets_exactly_a_hundred_of_four_hundred_through(self) -> None:
        key, limiter = f"test:{uuid4()}", Limiter()
        answers = at_once(16, lambda _: [limiter.take({key: 100}) for _ in range(25)])
        waits = [wait for listed in answers for wait in listed]
        assert waits.count(0) == 100
        assert all(1 <= wait <= 3_600 for wait in waits if wait)

    def test_is_never_exceeded_by_several_processes_and_little_of_it_stays_unused(self) -> None:
        key, processes = f"test:{uuid4()}", [Limiter() for _ in range(4)]
        answers = at_once(16, lambda place: [processes[place % 4].take({key: 1_000}) for _ in range(100)])
        passed = [wait for listed in answers for wait in listed].count(0)
        assert 1_000 - 3 * 15 <= passed <= 1_000


class TestTheLimiter:
    def test_asks_redis_seldom_while_much_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        script, asked = limits._script(), []
        monkeypatch.setattr(limits, "_script", lambda: lambda **told: asked.append(1) or script(**told))
        limiter, owner, app = Limiter(), f"test:{uuid4()}", f"test:{uuid4()}"
        assert [limiter.take({owner: 640, app: 60_000}) for _ in range(100)] == [0] * 100
        assert len(asked) <= 15

    def test_gives_back_what_it_took_in_vain(self) -> None:
        limiter, plenty, full = Limiter(), f"test:{uuid4()}", f"test:{uuid4()}"
        assert limiter.take({plenty: 200, full: 1}) == 0  # two more of the first are counted
        assert all(limiter.take({plenty: 200, full: 1}) for _ in range(10))
        assert [limiter.take({plenty: 200}) for _ in range(200)].count(0) == 199

    def test_counts_each_key_for_itself(self) -> None:
        limiter = Limiter()
        first, second = f"test:{uuid4()}", f"test:{uuid4()}"
        assert [limiter.take({first: 1}), limiter.take({second: 1})] == [0, 0]
        assert limiter.take({first: 1}) > 0

    def test_takes_nothing_from_the_others_when_one_is_full(self) -> None:
        limiter = Limiter()
        full, other = f"test:{uuid4()}", f"test:{uuid4()}"
        limiter.take({full: 1})
        assert limiter.take({other: 1, full: 1}) > 0
        assert limiter.take({other: 1}) == 0


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _no_redis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0

        def refuse(**_: Any) -> int:
            self.asked += 1
            raise NotConnected

        monkeypatch.setattr(limits, "_script", lambda: refuse)

    @pytest.mark.usefixtures("transactional_db")
    def test_the_process_counts_exactly_too(self) -> None:
        limiter = Limiter()
        answers = at_once(16, lambda _: [limiter.take({"one": 100, "two": 1_000}) for _ in range(25)])
        assert [wait for listed in answers for wait in listed].count(0) == 100
        assert limiter._here._windows["two"][1] == 100

    def test_redis_is_left_alone_for_a_while(self) -> None:
        limiter = Limiter()
        for _ in range(50):
            limiter.take({"one": 1_000})
        assert self.asked == 1

    @pytest.mark.django_db
    def test_requests_are_served(self) -> None:
        assert account(make_tenant()).get("/runs").status_code == 200


class TestAdvances:
    def test_end_with_their_window(self) -> None:
        advances = Advances()
        advances.put({"one": 5}, ends={"one": 60.0}, now=0.0)
        assert advances.draw(["one", "two"], now=59.0) == ["two"]
        assert advances.draw(["one"], now=60.0) == ["one"]
        advances.put({"one": 1}, ends={"one": 120.0}, now=61.0)
        assert [advances.draw(["one"], now=62.0) for _ in range(2)] == [[], ["one"]]

    def test_forget_what_is_over(self) -> None:
        advances = Advances()
        for number in range(10_001):
            advances.put({str(number): 1}, ends={str(number): 60.0}, now=0.0)
        advances.put({"later": 1}, ends={"later": 120.0}, now=61.0)
        assert set(advances._left) == {"later"}


class TestWindows:
    def test_open_again_after_a_minute(self) -> None:
        windows = ProcessWindows()
        assert [windows.take({"one": 2}, now=100.0) for _ in range(3)] == [0, 0, 60]
        assert windows.take({"one": 2}, now=159.5) == 1
        assert windows.take({"one": 2}, now=160.0) == 0

    def test_forget_what_is_over(self) -> None:
        windows = ProcessWindows()
        for number in range(10_001):
            windows.take({str(number): 1}, now=0.0)
        windows.take({"later": 1}, now=61.0)
        assert len(windows._windows) == 1


class TestAnAddress:
    @pytest.mark.parametrize(
        ("proxies", "forwarded", "believed"),
        [
            (0, "198.51.100.1", "10.0.0.1"),
            (1, "", "10.0.0.1"),
            (1, "198.51.100.1", "198.51.100.1"),
            (1, "made-up, 198.51.100.1", "198.51.100.1"),
            (2, "made-up, 198.51.100.1, 10.0.0.9", "198.51.100.1"),
            (2, "198.51.100.1", "198.51.100.1"),
            (1, " , ,", "10.0.0.1"),
            (1, "x" * 5_000, "x" * 64),
        ],
    )
    def test_is_what_trusted_proxies_say(self, settings: Any, proxies: int, forwarded: str, believed: str) -> None:
        limited(settings, TRUSTED_PROXIES=proxies)
        assert address_of({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}) == believed


def from_(browser: Browser, address: str) -> Browser:
    browser.client.defaults["REMOTE_ADDR"] = address
    return browser


@pytest.mark.django_db
class TestThroughTheDoor:
    def test_an_owner_is_told_how_long_to_wait_and_others_are_not(self, settings: Any) -> None:
        limited(settings, REQUESTS_PER_MINUTE=3)
        tenant = make_tenant()
        busy, calm = account(tenant), account(tenant)
        assert [busy.get("/runs").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        answer = busy.get("/runs")
        assert 1 <= int(answer.headers["Retry-After"]) == answer.json()["retry_after"] <= 60
        assert calm.get("/runs").status_code == 200

    def test_a_guest_has_less_than_an_account(self, settings: Any) -> None:
        limited(settings, REQUESTS_PER_MINUTE=4, GUEST_REQUESTS_PER_MINUTE=2)
        tenant = make_tenant()
        visitor, member = guest(tenant), account(tenant)
        assert [visitor.get("/runs").status_code for _ in range(3)] == [200, 200, 429]
        assert [member.get("/runs").status_code for _ in range(5)] == [200, 200, 200, 200, 429]

    def test_an_app_may_have_limits_of_its_own(self) -> None:
        tenant, other = make_tenant(), make_tenant()
        App.objects.filter(id=tenant.app.id).update(limits={"requests_per_minute": 1})
        browser = account(tenant)
        assert [browser.get("/runs").status_code for _ in range(2)] == [200, 429]
        assert [account(other).get("/runs").status_code for _ in range(2)] == [200, 200]

    def test_all_owners_of_an_app_share_what_it_has(self) -> None:
        tenant = make_tenant()
        App.objects.filter(id=tenant.app.id).update(limits={"app_requests_per_minute": 3})
        assert [account(tenant).get("/runs").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert account(make_tenant()).get("/runs").status_code == 200

    def test_all_owners_at_an_address_share_what_it_has(self, settings: Any) -> None:
        limited(settings, ADDRESS_REQUESTS_PER_MINUTE=3)
        tenant, here = make_tenant(), somewhere()
        answers = [from_(account(tenant), here).get("/runs") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert from_(account(tenant), somewhere()).get("/runs").status_code == 200

    def test_an_address_that_guesses_tokens_is_not_listened_to(self, settings: Any) -> None:
        limited(settings, ADDRESS_REFUSALS_PER_MINUTE=2)
        tenant, here = make_tenant(), somewhere()
        guesses = [from_(Browser(token="guess"), here).get("/runs") for _ in range(4)]
        assert [answer.status_code for answer in guesses] == [401, 401, 429, 429]
        assert 1 <= int(guesses[-1].headers["Retry-After"]) <= 60
        assert from_(account(tenant), here).get("/runs").status_code == 429
        assert from_(account(tenant), somewhere()).get("/runs").status_code == 200

    def test_nor_one_that_guesses_apps(self, settings: Any) -> None:
        limited(settings, ADDRESS_REFUSALS_PER_MINUTE=2)
        browser = from_(Browser(), somewhere())
        guesses = [browser.get("/config", **{"Migration-App": f"pk_{number}"}) for number in range(3)]
        assert [answer.status_code for answer in guesses] == [401, 401, 429]

    def test_an_address_opens_so_many_guest_sessions(self, settings: Any) -> None:
        limited(settings, GUEST_SESSIONS_PER_MINUTE=3)
        tenant, here = make_tenant(), somewhere()

        def open_session(address: str) -> int:
            body = {"app_key": tenant.key, "guest": guest_id()}
            return int(from_(Browser(), address).post("/sessions", body).status_code)

        assert [open_session(here) for _ in range(4)] == [200, 200, 200, 429]
        assert open_session(somewhere()) == 200

    def test_a_refused_upload_was_not_even_read(self, settings: Any) -> None:
        limited(settings, REQUESTS_PER_MINUTE=1)
        browser = account(make_tenant())
        browser.get("/runs")
        answer = browser.post("/runs", b"this is not JSON")
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("long_window")
class TestAtOnce:
    @pytest.mark.parametrize("limit", ["requests_per_minute", "app_requests_per_minute", "ADDRESS_REQUESTS_PER_MINUTE"])
    def test_exactly_a_hundred_of_four_hundred_requests_pass(self, settings: Any, limit: str) -> None:
        tenant, here = make_tenant(), somewhere()
        if limit.isupper():
            limited(settings, **{limit: 100})
        else:
            App.objects.filter(id=tenant.app.id).update(limits={limit: 100})
        one = account(tenant)

        def flood(_: int) -> list[int]:
            browser = Browser(token=one.token, device=one.device)
            return [from_(browser, here).get("/rollback-points").status_code for _ in range(25)]

        answers = Counter(status for listed in at_once(16, flood) for status in listed)
        assert answers == {200: 100, 429: 300}
