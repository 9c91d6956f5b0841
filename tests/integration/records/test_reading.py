"""What the server holds, read by page and compared by digest."""

import json
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration import records
from migration.errors import NotFound
from migration.models import Owner, Record
from migration.orchestration import retrieving
from migration.values.digests import bucket_of, fingerprint, key_hash, to_wire
from migration.values.lines import encode_line, literal
from tests.factories.loads import make_owner
from tests.factories.runs import COLLECTIONS
from tests.factories.uploads import manifest_of, todos
from tests.factories.writes import write

pytestmark = pytest.mark.django_db

HARD = {"todo:\ud800": "\udfff", "note:\x00": "\x00", "": '{"a": 1}', "x": "hello", "y": '"hello"', "z": "\U0001f600"}


def pages(owner: Owner, limit: int) -> list[records.Change]:
    found: list[records.Change] = []
    after, more = 0, True
    while more:
        page = records.changes_since(owner_id=owner.id, namespace="default", since=after, limit=limit)
        assert len(page.records) <= limit
        assert page.until > after or not page.more
        found, after, more = [*found, *page.records], page.until, page.more
    assert after == Owner.objects.get(id=owner.id).revision
    return found


class TestChangesSince:
    @pytest.mark.parametrize("limit", [1, 2, 7, 1000])
    def test_give_every_record_once_in_order_and_exact(self, limit: int) -> None:
        owner = make_owner()
        for key, value in HARD.items():
            write(owner, key, "older")
            write(owner, key, value)
        found = pages(owner, limit)
        assert dict(json.loads(one.line) for one in found) == HARD
        assert [one.revision for one in found] == sorted(one.revision for one in found)

    def test_give_a_tombstone_as_no_value(self) -> None:
        owner = make_owner()
        write(owner, "gone", "x")
        write(owner, "gone", None)
        assert [one.line for one in pages(owner, 10)] == ['["gone"]']

    def test_end_a_page_early_where_values_are_large_but_always_go_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("migration.records.changes._PAGE_BYTES", 25)
        owner = make_owner()
        for number in range(6):
            write(owner, str(number), "x" * (10 if number % 2 else 100))
        assert len(pages(owner, 1000)) == 6

    def test_give_nothing_after_the_last(self) -> None:
        owner = make_owner()
        last = write(owner, "k", "v")
        page = records.changes_since(owner_id=owner.id, namespace="default", since=last)
        assert (page.records, page.revision, page.until, page.more) == ([], last, last, False)

    def test_give_nothing_of_another_owner_or_namespace(self) -> None:
        owner, other = make_owner(), make_owner()
        write(owner, "k", "v", namespace="elsewhere")
        write(other, "k", "v")
        assert records.changes_since(owner_id=owner.id, namespace="default", since=0).records == []

    def test_refuse_an_owner_who_is_not_there(self) -> None:
        with pytest.raises(NotFound):
            records.changes_since(owner_id=uuid4(), namespace="default", since=0)


class TestDifferingRecords:
    def entries(self) -> dict[str, str]:
        return {**todos(50), **HARD}

    def test_are_none_where_both_hold_the_same(self) -> None:
        owner = make_owner()
        for key, value in self.entries().items():
            write(owner, key, value)
        write(owner, "deleted", "x")
        write(owner, "deleted", None)
        asked = manifest_of(self.entries(), collections=COLLECTIONS)["collections"]
        assert differing(owner, asked) == {}

    def test_are_named_by_bucket_with_what_is_held_there(self) -> None:
        owner = make_owner()
        for key, value in self.entries().items():
            write(owner, key, "changed" if key == "todo:7" else value)
        asked = manifest_of(self.entries(), collections=COLLECTIONS)["collections"]
        found = differing(owner, asked)
        bucket = bucket_of(key_hash(literal("todo:7")))
        assert list(found) == ["todo"]
        assert list(found["todo"]) == [bucket]
        assert ['"todo:7"', to_wire(fingerprint(encode_line("todo:7", "changed")))] in found["todo"][bucket]

    def test_are_computed_from_bytes_not_from_a_stored_hash(self) -> None:
        owner = make_owner()
        write(owner, "todo:1", "true")
        Record.objects.filter(owner_id=owner.id).update(value="false")
        asked = manifest_of({"todo:1": "true"}, collections=COLLECTIONS)["collections"]
        assert list(differing(owner, asked)) == ["todo"]

    @given(
        st.dictionaries(st.sampled_from(list(todos(20))), st.sampled_from("ab")),
        st.dictionaries(st.sampled_from(list(todos(20))), st.sampled_from("ab")),
        st.integers(1, 8),
    )
    @settings(max_examples=12, deadline=None)
    def test_are_the_same_in_however_many_answers(self, held: dict[str, str], asked: dict[str, str], most: int) -> None:
        owner = make_owner()
        for key, value in held.items():
            write(owner, key, value)
        collections = manifest_of(asked, collections=COLLECTIONS)["collections"]
        whole = differing(owner, collections)
        with mock.patch("migration.records.digests.MOST_ENTRIES", most):
            pages = pages_of(owner, collections)
        assert len(pages) <= 1 + len(held) // most, "an answer reaches as far as it may"
        assert merged(pages) == whole

    def test_are_told_of_large_values_a_few_at_a_time(self) -> None:
        owner = make_owner()
        for key in todos(8):
            write(owner, key, "x" * 600)
        with mock.patch("migration.records.digests.MOST_BYTES", 1_000):
            told = pages_of(owner, manifest_of({})["collections"])
        assert [sum(len(held) for held in page["differing"].get("default", {}).values()) for page in told] == [2] * 4


def pages_of(owner: Owner, collections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare as a browser does, answer after answer."""
    pages = [retrieving.compare_records(owner_id=owner.id, collections=collections)]
    while pages[-1]["next"] is not None:
        first = int(pages[-1]["next"], 16)
        pages.append(retrieving.compare_records(owner_id=owner.id, collections=collections, first=first))
    return pages


def merged(pages: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for page in pages:
        for name, buckets in page["differing"].items():
            found.setdefault(name, {}).update(buckets)
    return found


def differing(owner: Owner, collections: list[dict[str, Any]]) -> dict[str, Any]:
    return merged(pages_of(owner, collections))
