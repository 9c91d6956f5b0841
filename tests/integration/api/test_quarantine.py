"""What an owner is told of refused entries: keys, reasons and states, page by page, and never a value."""

import pytest

from migration.models import App, QuarantineEntry
from migration.values.lines import literal
from tests.factories.doors import Browser, account, make_tenant
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)

ODD = {'a","b': "x" * 90, "\ud800": "y" * 90, "k" * 5_000: "z", 'q\\","' * 900: "z"}


@pytest.fixture
def browser() -> Browser:
    tenant = make_tenant()
    App.objects.filter(id=tenant.app.id).update(max_entry_bytes=60)
    browser = account(tenant)
    browser.upload({f"note:{key}": value for key, value in ODD.items()})
    Worker().work_until_done()
    return browser


class TestTheList:
    def test_names_keys_exactly_and_no_value(self, browser: Browser) -> None:
        answer = browser.get("/quarantine")
        told = answer.json()["quarantine"]
        assert {one["key_json"] for one in told} == {literal(f"note:{key}").decode() for key in ODD}
        assert {one["code"] for one in told} == {"entry_too_large"}
        assert "yyyy" not in answer.content.decode()

    def test_goes_on_from_the_last_of_the_page_before(self, browser: Browser) -> None:
        ids = [one["id"] for one in browser.get("/quarantine").json()["quarantine"]]
        assert ids == sorted(ids, reverse=True)
        rest = browser.get(f"/quarantine?before={ids[1]}").json()["quarantine"]
        assert [one["id"] for one in rest] == ids[2:]

    @pytest.mark.parametrize("before", ["", "-1", "x", "9" * 17])
    def test_takes_whole_numbers_only(self, browser: Browser, before: str) -> None:
        assert browser.get(f"/quarantine?before={before}").status_code == 422

    def test_reads_the_beginning_of_lines_only(self, browser: Browser) -> None:
        QuarantineEntry.objects.update(line=b'["note:1","' + b"v" * 1_000_000 + b'"]')
        sizes = {one["bytes"] for one in browser.get("/quarantine").json()["quarantine"]}
        assert sizes == {1_000_013}
