"""An app's limit of deletions is held to by the server too, whatever the browser thought."""

from typing import Any

import pytest

from migration.models import Owner
from tests.factories.doors import account, make_tenant
from tests.factories.held import values_of
from tests.factories.ops import Writer

pytestmark = pytest.mark.django_db


def writer(limit: int = 2) -> Writer:
    found = Writer(account(make_tenant(limits={"deletions": limit}), "user"))
    for number in range(6):
        found.write(f"k{number}", "v")
    return found


def told(answer: Any) -> list[tuple[str, str | None]]:
    return [(one["outcome"], one.get("reason")) for one in answer.json()["outcomes"]]


def live(found: Writer) -> int:
    owner = Owner.objects.get(devices__key=found.browser.device)
    return sum(value is not None for value in values_of(owner).values())


class TestDeletingMoreThanTheLimit:
    def test_is_refused_op_by_op_while_other_ops_are_written(self) -> None:
        found = writer()
        answer = found.send(*(found.op(f"k{number}", None) for number in range(3)), found.op("new", "v"))
        assert told(answer) == [*[("refused", "too_many_deletions")] * 3, ("accepted", None)]
        assert live(found) == 7

    def test_is_refused_in_several_requests_too_and_again_when_repeated(self) -> None:
        found = writer()
        assert told(found.send(found.op("k0", None), found.op("k1", None))) == [("accepted", None)] * 2
        last = found.op("k2", None)
        assert told(found.send(last)) == told(found.send(last)) == [("refused", "too_many_deletions")]
        assert live(found) == 4

    def test_is_taken_when_a_person_confirmed_it(self) -> None:
        found = writer()
        answer = found.send(*(found.op(f"k{number}", None) for number in range(6)), confirmed=True)
        assert told(answer) == [("accepted", None)] * 6
        assert live(found) == 0


class TestDeletingWithinTheLimit:
    def test_is_taken_and_may_be_repeated(self) -> None:
        found = writer()
        ops = [found.op("k0", None), found.op("k1", None)]
        first = found.send(*ops)
        assert told(first) == [("accepted", None)] * 2
        assert found.send(*ops).json() == first.json()

    def test_is_without_bounds_where_the_app_has_no_limit(self) -> None:
        found = writer(limit=0)
        assert told(found.send(*(found.op(f"k{number}", None) for number in range(6)))) == [("accepted", None)] * 6


class TestTheConfiguration:
    @pytest.mark.parametrize("limit", [0, 7])
    def test_tells_browsers_the_limit(self, limit: int) -> None:
        found = account(make_tenant(limits={"deletions": limit}), "user")
        assert found.get("/config").json()["limits"]["deletions"] == limit
