"""Quotas are exact: counted in the transaction that stores, given back by whoever deletes."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from migration.asking import ask
from migration.errors import OverQuota
from migration.models import App, Chunk, MigrationRun, Usage
from migration.orchestration.quotas import Use, hold, spending
from tests.factories.doors import Browser, Tenant, account, at_once, guest, make_tenant, owner_of
from tests.factories.loads import make_owner
from tests.factories.uploads import chunk_of, todos

ENTRIES = todos(3)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def give(tenant: Tenant, **limits: int) -> None:
    App.objects.filter(id=tenant.app.id).update(limits=limits)


def used(tenant: Tenant, browser: Browser | None = None, *, total: bool = False) -> tuple[int, ...] | None:
    owner = owner_of(browser, tenant).id if browser else None
    rows = Usage.objects.filter(app_id=tenant.app.id, owner_id=owner, day__isnull=total)
    return rows.values_list("bytes", "entries", "runs").first()


@pytest.mark.django_db
class TestAnOwner:
    @pytest.mark.parametrize("name", ["bytes_per_day", "entries_per_day", "stored_bytes"])
    def test_may_send_so_much_and_keeps_what_it_sent(self, name: str) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        run_id, chunk = browser.create(ENTRIES).json()["id"], chunk_of(ENTRIES)
        room = len(ENTRIES) if "entries" in name else int(chunk.headers()["Migration-Bytes"])
        give(tenant, **{f"account_{name}": room})
        assert browser.put(run_id, chunk).status_code == 201
        answer = browser.put(run_id, chunk_of(ENTRIES, seq=2))
        assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (
            *(429, "over_quota"),
            f"account_{name}",
        )
        assert 1 <= int(answer.headers["Retry-After"]) <= 86_400
        assert Chunk.objects.filter(run_id=run_id).count() == 1
        assert MigrationRun.objects.get(id=run_id).chunks_received == 1

    def test_may_begin_so_many_runs_a_day(self) -> None:
        tenant = make_tenant()
        give(tenant, account_runs_per_day=2)
        browser = account(tenant)
        assert [browser.create(ENTRIES).status_code for _ in range(3)] == [201, 201, 429]
        assert account(tenant).create(ENTRIES).status_code == 201

    def test_is_not_charged_twice_for_a_repeated_request(self) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        body = {"id": str(uuid4())}
        chunk = chunk_of(ENTRIES)
        for _ in range(3):
            run_id = browser.create(ENTRIES, **body).json()["id"]
            assert browser.put(run_id, chunk).status_code in {200, 201}
        size = int(chunk.headers()["Migration-Bytes"])
        assert used(tenant, browser) == used(tenant, browser, total=True) == (size, 3, 1)

    def test_is_not_charged_for_what_was_refused(self) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        run_id = browser.create(ENTRIES).json()["id"]
        assert browser.put(run_id, chunk_of(ENTRIES, sha256="A" * 43)).status_code == 422
        assert used(tenant, browser) == (0, 0, 1)

    def test_has_more_as_an_account_than_as_a_guest(self) -> None:
        tenant = make_tenant()
        give(tenant, account_runs_per_day=2, guest_runs_per_day=1)
        assert [guest(tenant).create(ENTRIES).status_code for _ in range(2)] == [201, 201]
        visitor, member = guest(tenant), account(tenant)
        assert [visitor.create(ENTRIES).status_code for _ in range(2)] == [201, 429]
        assert [member.create(ENTRIES).status_code for _ in range(2)] == [201, 201]

    def test_begins_anew_when_the_day_ends(self) -> None:
        owner, use = make_owner(), Use(runs=1)
        whose = {"app_id": owner.app_id, "owner_id": owner.id}

        def spend(at: datetime) -> None:
            used = ask(spending(use, **whose, at=at))
            hold(used, use, **whose, is_guest=False, limits={"account_runs_per_day": 1}, at=at)

        spend(NOON)
        with pytest.raises(OverQuota) as refused:
            spend(NOON + timedelta(hours=11, minutes=59, seconds=30))
        assert refused.value.extras["retry_after"] == 30
        spend(NOON + timedelta(hours=12))

    def test_gets_room_back_for_what_is_deleted(self) -> None:
        tenant = make_tenant()
        give(tenant, app_stored_bytes=10**9)
        browser = account(tenant)
        run_id = browser.create(ENTRIES).json()["id"]
        assert browser.put(run_id, chunk_of(ENTRIES)).status_code == 201
        Chunk.objects.filter(run_id=run_id).delete()
        assert used(tenant, browser, total=True) == (0, 0, 1)
        assert used(tenant, total=True) == (0, 0, 1)
        assert used(tenant, browser) != (0, 0, 1), "the day's traffic has happened all the same"


@pytest.mark.django_db
class TestAnApp:
    def test_is_counted_as_a_whole_only_when_it_has_a_quota(self) -> None:
        tenant = make_tenant()
        account(tenant).create(ENTRIES)
        assert used(tenant) is None
        give(tenant, app_runs_per_day=3)
        assert [account(tenant).create(ENTRIES).status_code for _ in range(3)] == [201, 201, 429]
        assert used(tenant) == (0, 0, 3), "what was sent before it had a quota counts too"

    def test_does_not_pay_for_another(self) -> None:
        tenant, other = make_tenant(), make_tenant()
        for one in (tenant, other):
            give(one, app_runs_per_day=1)
        assert account(tenant).create(ENTRIES).status_code == 201
        assert account(other).create(ENTRIES).status_code == 201


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.parametrize("limit", ["account_runs_per_day", "app_runs_per_day"])
    def test_exactly_a_hundred_of_four_hundred_pass(self, limit: str) -> None:
        tenant = make_tenant()
        give(tenant, **{limit: 100})
        one = account(tenant)

        def flood(_: int) -> list[int]:
            browser = account(tenant) if limit.startswith("app") else Browser(token=one.token, device=one.device)
            return [browser.create(ENTRIES).status_code for _ in range(25)]

        answers = Counter(status for listed in at_once(16, flood) for status in listed)
        assert answers == {201: 100, 429: 300}
        assert MigrationRun.objects.count() == 100
        assert used(tenant, None if limit.startswith("app") else one) == (0, 0, 100)

    def test_a_counter_seeded_by_many_at_once_counts_each_once(self) -> None:
        tenant = make_tenant()
        give(tenant, app_runs_per_day=1_000)
        at_once(16, lambda _: account(tenant).create(ENTRIES).status_code)
        assert used(tenant) == used(tenant, total=True) == (0, 0, 16)
