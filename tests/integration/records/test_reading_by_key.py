"""Records asked for by their keys, through the HTTP door."""

import json

import pytest

from migration.values.lines import literal
from tests.factories.doors import account, make_tenant
from tests.factories.ops import Writer
from tests.integration.records.test_writing import HARD

pytestmark = pytest.mark.django_db


def test_each_key_is_answered_in_its_place_whatever_it_is_called() -> None:
    device = Writer(account(make_tenant(), "user"))
    for key, value in HARD.items():
        device.write(key, value)
    keys = ["never held", *HARD]
    answer = device.browser.post("/records/read", {"keys": [literal(key).decode() for key in keys]})
    assert answer.status_code == 200, answer.json()
    lines = [json.loads(one["line"]) for one in answer.json()["records"]]
    assert lines == [["never held"], *([key, value] for key, value in HARD.items())]
    assert [one["revision"] for one in answer.json()["records"]] == list(range(len(keys)))


def test_another_owner_is_told_of_nothing() -> None:
    tenant = make_tenant()
    mine, theirs = Writer(account(tenant, "mine")), Writer(account(tenant, "theirs"))
    theirs.write("a", "secret")
    told = mine.browser.post("/records/read", {"keys": ['"a"']}).json()["records"]
    assert told == [{"line": '["a"]', "revision": 0}]


@pytest.mark.parametrize(
    "key", ["a", "1", '"\\u0061"', '["a"]', ""], ids=["bare", "number", "escaped", "list", "empty"]
)
def test_what_is_no_canonical_literal_is_refused(key: str) -> None:
    answer = Writer(account(make_tenant(), "user")).browser.post("/records/read", {"keys": [key]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
