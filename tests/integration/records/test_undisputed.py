"""The short way of ops nobody disputes: whatever it writes, the long way would have written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.models import Device, Owner, Usage
from migration.orchestration import writing
from tests.factories.doors import account, make_tenant
from tests.factories.held import losers_of, records_of, versions_of
from tests.factories.ops import Writer

pytestmark = pytest.mark.django_db

POLICIES = ("INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE")
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["p", "q", '{"x":1}', '{"x":1,"y":1}', None])
# How many revisions an op's base lies behind what its device could know; None: it is based on nothing.
BEHIND = st.sampled_from([0, 0, 0, 1, 2, None])
OPS = st.lists(st.tuples(KEYS, VALUES, BEHIND), min_size=1, max_size=3)
# Which of two devices sends them, and how often.
BATCHES = st.lists(st.tuples(st.sampled_from([0, 1]), OPS, st.sampled_from([1, 1, 2])), min_size=1, max_size=8)


@contextmanager
def ways_taken() -> Iterator[list[bool]]:
    """Tell of each batch that is sent meanwhile whether it went the short way."""
    taken: list[bool] = []
    short = writing._write_undisputed

    def noting(*args: Any, **named: Any) -> Any:
        found = short(*args, **named)
        taken.append(bool(found))
        return found

    with patch.object(writing, "_write_undisputed", noting):
        yield taken


def two_devices(**columns: Any) -> list[Writer]:
    tenant = make_tenant(**columns)
    return [Writer(account(tenant, "user")) for _ in range(2)]


def outcome_of(devices: list[Writer], batches: list[Any]) -> list[Any]:
    """Send batches; return all answers, and all that is kept because of them."""
    answers: list[Any] = []
    revision = 0
    for one in devices:  # both are known, whoever writes first
        one.changes()
    for place, ops, times in batches:
        made = [_op(devices[place], op, revision) for op in ops]
        for _ in range(times):
            told = devices[place].send(*made).json()
            # Conflicts are numbered across all owners.
            answers.append([told["revision"], [{**one, "conflict": None} for one in told["outcomes"]]])
        revision = told["revision"]
    return [answers, *_kept(devices)]


def _op(device: Writer, op: tuple[str, str | None, int | None], revision: int) -> dict[str, Any]:
    key, value, behind = op
    return device.op(key, value, base=None if behind is None else max(revision - behind, 0))


def _kept(devices: list[Writer]) -> list[Any]:
    owner = Owner.objects.get(devices__key=devices[0].browser.device)
    numbers: dict[Any, int] = {
        Device.objects.get(key=one.browser.device).id: place for place, one in enumerate(devices)
    }
    held = [*records_of(owner).values(), *versions_of(owner)]
    told = [
        (one.key, one.revision, one.value, one.seq, numbers.get(one.device_id), one.cause, one.until) for one in held
    ]
    used = Usage.objects.filter(owner_id=owner.id)
    sums = Sum("bytes"), Sum("entries"), Sum("runs")  # of days together: midnight may lie between the two ways
    spent = [used.filter(day__isnull=total).aggregate(*sums) for total in (False, True)]
    return [owner.revision, sorted(told), losers_of(owner), spent]


class TestTheShortWay:
    @given(batches=BATCHES, policy=st.sampled_from(POLICIES))
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    def test_comes_to_what_the_long_way_comes_to(self, batches: list[Any], policy: str) -> None:
        short = outcome_of(two_devices(conflict_policy=policy), batches)
        with patch.object(writing, "_write_undisputed", return_value=[]):
            assert short == outcome_of(two_devices(conflict_policy=policy), batches)

    def test_is_taken_by_new_records_and_by_the_next_word_on_them(self) -> None:
        one, other = two_devices()
        one.write("first", "1")  # the day's counter is made by it
        with ways_taken() as taken:
            one.send(one.op("a", "1"), one.op("b", "1"), one.op("a", "2"))
            one.write("a", "3")
            assert other.write("a", "4", base=4) == {"seq": 1, "outcome": "accepted", "revision": 5}
        assert taken == [True, True, True]

    def test_is_not_taken_by_what_is_held_already_came_before_is_disputed_or_deletes(self) -> None:
        one, other = two_devices()
        first = one.op("a", "1")
        one.send(first)
        with ways_taken() as taken:
            one.send(first)
            one.write("a", "1", base=1)
            other.write("a", "2")
            one.write("a", None, base=1)
        assert taken == [False] * 4
