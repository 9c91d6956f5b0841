"""Every answer names its request, and the log lines written on its behalf carry the same name."""

import logging

import pytest
from structlog.contextvars import get_contextvars

from migration.api import problems
from migration.models import Owner
from tests.factories.doors import Browser, account, make_tenant

pytestmark = pytest.mark.django_db


class TestRequestIds:
    def test_are_made_up_anew_for_each_request(self) -> None:
        one, other = (Browser().get("/config").headers["X-Request-ID"] for _ in range(2))
        assert len(one) == 32
        assert one != other

    def test_are_taken_over_from_a_proxy(self) -> None:
        assert Browser().get("/config", **{"X-Request-ID": "edge-7f3a.91"}).headers["X-Request-ID"] == "edge-7f3a.91"

    @pytest.mark.parametrize(
        "forged", ["short", "x" * 65, "two words here", "line\tbreak-1", "ünïcode-id-1", '"quoted-id"']
    )
    def test_are_not_taken_over_when_they_could_forge_a_line(self, forged: str) -> None:
        answer = Browser().client.get("/api/v1/config", HTTP_X_REQUEST_ID=forged)
        assert answer.headers["X-Request-ID"] != forged
        assert len(answer.headers["X-Request-ID"]) == 32

    def test_are_on_the_log_lines_of_a_failure(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = account(make_tenant())
        monkeypatch.setattr("migration.progress.snapshots_of", lambda _: 1 / 0)
        with caplog.at_level(logging.WARNING):
            answer = browser.get("/runs")
        assert answer.status_code == problems.STATUSES["internal_error"]
        said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
        assert {line["event"] for line in said} == {"internal_error", "request"}
        assert {line["request"] for line in said} == {answer.headers["X-Request-ID"]}
        assert [line["route"] for line in said if line["event"] == "request"] == ["api/v1/runs"]

    def test_stand_beside_the_owner_and_the_run(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = account(make_tenant())
        run = browser.create().json()["id"]
        monkeypatch.setattr("migration.progress.snapshot", lambda _: 1 / 0)
        with caplog.at_level(logging.WARNING):
            browser.get(f"/runs/{run}")
        [line] = [
            one.msg for one in caplog.records if isinstance(one.msg, dict) and one.msg["event"] == "internal_error"
        ]
        assert (line["run"], line["owner"]) == (run, str(Owner.objects.get().id))

    def test_end_with_their_request(self) -> None:
        Browser().get("/config")
        account(make_tenant()).get("/runs")
        assert get_contextvars().keys().isdisjoint({"request", "owner", "app", "run"})
