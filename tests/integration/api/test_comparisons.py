"""What browsers tell of their comparisons: taken, folded per minute, kept without secrets, forgotten with owners."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from migration.models import ComparisonMinute, ComparisonSample, DeviceOutbox, Mismatch
from migration.orchestration import erasing
from migration.orchestration.comparing import HEAVIEST, fold_comparisons
from tests.factories.doors import Browser, Tenant, account, make_tenant, owner_of

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def browser(tenant: Tenant) -> Browser:
    return account(tenant)


@pytest.fixture
def clock() -> Iterator[Any]:
    with patch("migration.api.views.comparisons.timezone.now", return_value=NOON) as now:
        yield now


def line(**more: Any) -> dict[str, Any]:
    return {"collection": "", "compared": 100, "agreed": 98, "noise": 1, "errors": 2, "ms": [1.0, 9.0], **more}


def mismatch(**more: Any) -> dict[str, Any]:
    return {"collection": "", "key": "note:1", "reason": "differs", "local": "one", "server": "two", **more}


def fold(*, last: datetime | None = None, at: datetime = NOON) -> None:
    with transaction.atomic():
        fold_comparisons(last=last, at=at)


class TestTelling:
    def test_is_taken_per_device_and_says_how_much(self, browser: Browser, tenant: Tenant) -> None:
        answer = browser.post("/comparisons", {"lines": [line(), line(compared=5, agreed=5, noise=0)]})
        assert (answer.status_code, answer.json()) == (200, {"taken": 2, "withheld": 0})
        rows = ComparisonSample.objects.filter(owner=owner_of(browser, tenant)).order_by("id")
        assert [(row.compared, row.agreed, row.noise, row.errors) for row in rows] == [(100, 98, 1, 2), (5, 5, 0, 2)]

    def test_in_the_form_the_sdk_sends_is_taken_whole(self, browser: Browser) -> None:
        said = json.loads((Path(__file__).parents[2] / "vectors" / "comparisons.json").read_text())
        said.pop("epoch")
        answer = browser.post("/comparisons", said)
        assert (answer.status_code, answer.json()) == (200, {"taken": 1, "withheld": 0})
        sample, outbox = ComparisonSample.objects.get(), DeviceOutbox.objects.get()
        assert (sample.compared, sample.ms, outbox.count) == (said["lines"][0]["compared"], [1.5], 0)
        kept = {one.key: (one.reason, one.local, one.server) for one in Mismatch.objects.all()}
        assert kept == {one["key"]: (one["reason"], one["local"], one["server"]) for one in said["mismatches"]}

    def test_of_an_unknown_collection_is_told_of_the_rest(self, browser: Browser) -> None:
        browser.post("/comparisons", {"lines": [line(collection="made up")], "mismatches": [mismatch(collection="x")]})
        assert ComparisonSample.objects.get().collection == Mismatch.objects.get().collection == ""

    def test_of_an_outbox_keeps_the_newest_word_of_each_device(self, browser: Browser, tenant: Tenant) -> None:
        for count in (3, 1):
            outbox = {"count": count, "bytes": 40 * count, "oldest_seconds": 4.5, "errors": 0}
            assert browser.post("/comparisons", {"outbox": outbox}).status_code == 200
        row = DeviceOutbox.objects.get(owner=owner_of(browser, tenant))
        assert (row.count, row.bytes, row.oldest_seconds, row.stage) == (1, 40, 4.5, "dual_write")

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({"lines": [line(agreed=101)]}, id="more agreed than compared"),
            pytest.param({"lines": [line(compared=-1)]}, id="negative"),
            pytest.param({"lines": [line(compared=2**60)]}, id="absurd"),
            pytest.param({"lines": [line(ms=[1.0] * 65)]}, id="too many samples"),
            pytest.param({"lines": [line(more=1)]}, id="unknown member"),
            pytest.param({"mismatches": [mismatch()] * 21}, id="too many mismatches"),
            pytest.param({"mismatches": [mismatch(reason="because")]}, id="unknown reason"),
            pytest.param({"epoch": "one"}, id="no epoch"),
            pytest.param({"outbox": {"count": 1, "bytes": 1, "oldest_seconds": -1}}, id="negative age"),
        ],
    )
    def test_of_nonsense_is_refused_whole(self, browser: Browser, body: dict[str, Any]) -> None:
        answer = browser.post("/comparisons", {"lines": [line()], **body})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
        assert ComparisonSample.objects.count() == 0

    def test_needs_a_device(self, tenant: Tenant) -> None:
        assert account(tenant, device=None).post("/comparisons", {"lines": [line()]}).status_code == 422

    def test_under_an_older_epoch_is_refused_with_the_configuration(self, browser: Browser, tenant: Tenant) -> None:
        browser.post("/comparisons", {})
        tenant.app.epoch += 1
        tenant.app.save()
        answer = browser.post("/comparisons", {"epoch": "1.1", "lines": [line()]})
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_epoch")
        assert answer.json()["config"]["epoch"] == "2.1"
        assert ComparisonSample.objects.count() == 0


class TestMismatches:
    def test_are_kept_once_per_device_and_key_with_both_values(self, browser: Browser) -> None:
        browser.post("/comparisons", {"mismatches": [mismatch()]})
        browser.post("/comparisons", {"mismatches": [mismatch(local=None, reason="absent_local"), mismatch(key="b")]})
        rows = Mismatch.objects.order_by("key").values_list("key", "reason", "local", "server")
        assert list(rows) == [("b", "differs", "one", "two"), ("note:1", "absent_local", None, "two")]

    @pytest.mark.parametrize(
        "secret",
        [
            {"key": "access_token"},
            {"local": "ghp_" + "a1B2" * 9},
            {"server": "ghp_" + "a1B2" * 9, "local": None},
        ],
        ids=["name", "local value", "server value"],
    )
    def test_that_look_like_secrets_are_not_kept(self, browser: Browser, secret: dict[str, Any]) -> None:
        answer = browser.post("/comparisons", {"mismatches": [mismatch(**secret), mismatch(key="harmless")]})
        assert answer.json() == {"taken": 0, "withheld": 1}
        assert Mismatch.objects.get().key == "harmless"

    def test_that_the_app_lets_pass_are_kept(self) -> None:
        browser = account(make_tenant(allow_sensitive=["access_token"]))
        browser.post("/comparisons", {"mismatches": [mismatch(key="access_token")]})
        assert Mismatch.objects.get().key == "access_token"

    def test_hold_what_postgres_cannot_written_out_and_are_cut(self, browser: Browser) -> None:
        hostile = mismatch(key="<script>\u0000", local="\ud83d", server="x" * 5000)
        assert browser.post("/comparisons", {"mismatches": [hostile]}).status_code == 200
        kept = Mismatch.objects.get()
        assert (kept.key, kept.local, len(kept.server or "")) == ("<script>\\u0000", "\\ud83d", 2048)

    def test_are_pruned_to_the_newest_of_each_collection(self, browser: Browser, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "MISMATCHES": "3"}
        for number in range(5):
            browser.post("/comparisons", {"mismatches": [mismatch(key=f"k{number}")]})
        fold(at=timezone.now())
        assert sorted(Mismatch.objects.values_list("key", flat=True)) == ["k2", "k3", "k4"]
        fold(at=timezone.now() + timedelta(days=8))
        assert Mismatch.objects.count() == 0


@pytest.mark.usefixtures("clock")
class TestFolding:
    def test_sums_a_minute_with_its_devices_and_latencies(self, tenant: Tenant) -> None:
        one, other = account(tenant), account(tenant)
        one.post("/comparisons", {"lines": [line(), line()]})
        other.post("/comparisons", {"lines": [line(agreed=99, errors=0)]})
        fold()
        row = ComparisonMinute.objects.get()
        assert row.minute == NOON.replace(second=0)
        assert (row.compared, row.agreed, row.noise, row.errors) == (300, 295, 3, 4)
        assert 1 <= (row.seen & (2**64 - 1)).bit_count() <= 2
        assert (row.amiss & (2**64 - 1)).bit_count() == 1
        assert row.latency == {"0": 3, "13": 3}

    def test_again_or_late_changes_nothing(self, tenant: Tenant) -> None:
        account(tenant).post("/comparisons", {"lines": [line()]})
        fold()
        first = ComparisonMinute.objects.values().get()
        fold(last=NOON, at=NOON + timedelta(seconds=40))
        fold(last=NOON, at=NOON + timedelta(minutes=90))
        assert ComparisonMinute.objects.values().get() == first

    def test_lets_nobody_speak_for_everybody(self, tenant: Tenant) -> None:
        loud, quiet = account(tenant), account(tenant)
        loud.post("/comparisons", {"lines": [line(compared=1_000_000, agreed=0, noise=0, errors=0)]})
        quiet.post("/comparisons", {"lines": [line(compared=100, agreed=100, noise=0, errors=0)]})
        fold()
        row = ComparisonMinute.objects.get()
        assert (row.compared, row.agreed) == (HEAVIEST + 100, 100)

    def test_forgets_samples_once_they_are_old(self, tenant: Tenant) -> None:
        account(tenant).post("/comparisons", {"lines": [line()]})
        fold()
        fold(last=NOON + timedelta(hours=2), at=NOON + timedelta(hours=2))
        assert ComparisonSample.objects.count() == 0
        assert ComparisonMinute.objects.count() == 1
        fold(last=NOON + timedelta(days=9), at=NOON + timedelta(days=9))
        assert ComparisonMinute.objects.count() == 0


def test_erasing_an_owner_takes_what_it_told(tenant: Tenant, browser: Browser) -> None:
    outbox = {"count": 1, "bytes": 1, "oldest_seconds": 1.0, "errors": 0}
    browser.post("/comparisons", {"lines": [line()], "mismatches": [mismatch()], "outbox": outbox})
    erasure = erasing.request_erasure(owner_id=owner_of(browser, tenant).id, actor="test", at=timezone.now())
    erasing.erase(erasure.id, clock=timezone.now)
    assert not any(model.objects.exists() for model in (ComparisonSample, Mismatch, DeviceOutbox))


def test_another_owner_on_the_same_device_has_rows_of_its_own(tenant: Tenant) -> None:
    device = str(uuid4())
    for _ in range(2):
        account(tenant, device=device).post("/comparisons", {"mismatches": [mismatch()]})
    assert Mismatch.objects.count() == 2
