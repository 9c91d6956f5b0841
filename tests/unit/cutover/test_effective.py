"""What holds for a device follows from what is requested and from what is known of it, and says why."""

import itertools

import pytest

from migration.cutover.effective import ROAD, Circumstances, Effective, Why, effective, server_decides
from migration.states.stage import Stage

SERVED = Circumstances(bucket=10, has_receipt=True)
ANYBODY = [
    Circumstances(bucket, has_receipt, owner_off, panic)
    for bucket, has_receipt, owner_off, panic in itertools.product((0, 9_999), *[(True, False)] * 3)
]


@pytest.mark.parametrize("requested", ROAD, ids=str)
class TestEverywhere:
    def test_nobody_is_ahead_of_what_is_requested(self, requested: Stage) -> None:
        for of in ANYBODY:
            held = effective(requested=requested, percentage=5_000, of=of)
            assert ROAD.index(held.stage) <= ROAD.index(requested)
            assert (held.reason == Why.AS_REQUESTED) == (held.stage == requested)

    def test_a_device_without_a_receipt_or_in_a_panic_reads_its_browser(self, requested: Stage) -> None:
        for of in ANYBODY:
            if of.panic or of.owner_off or not of.has_receipt:
                held = effective(requested=requested, percentage=10_000, of=of)
                assert held.reads_from == "browser"
                assert ROAD.index(held.stage) <= ROAD.index(Stage.DUAL_WRITE)

    def test_an_owner_that_is_off_writes_nothing(self, requested: Stage) -> None:
        of = Circumstances(bucket=0, has_receipt=True, owner_off=True)
        assert effective(requested=requested, percentage=10_000, of=of).stage == Stage.OFF

    def test_a_panic_leaves_both_sides_written(self, requested: Stage) -> None:
        of = Circumstances(bucket=0, has_receipt=True, panic=True)
        held = effective(requested=requested, percentage=10_000, of=of)
        assert (held.stage == Stage.OFF) == (requested == Stage.OFF)


class TestTheRamp:
    def test_serves_the_buckets_below_the_percentage_alone(self) -> None:
        assert effective(requested=Stage.RAMP, percentage=11, of=SERVED) == Effective(Stage.RAMP, Why.AS_REQUESTED)
        outside = effective(requested=Stage.RAMP, percentage=10, of=SERVED)
        assert (outside.stage, outside.reason, outside.reads_from) == (
            Stage.SHADOW,
            Why.OUTSIDE_PERCENTAGE,
            "browser",
        )


class TestTies:
    @pytest.mark.parametrize("requested", ROAD, ids=str)
    def test_go_to_the_side_that_answers_reads(self, requested: Stage) -> None:
        held = effective(requested=requested, percentage=10_000, of=SERVED)
        assert server_decides(requested=requested, held=held) == (held.reads_from == "server")

    def test_go_to_the_server_for_stragglers_once_the_cutover_is_complete(self) -> None:
        straggler = Circumstances(bucket=0, has_receipt=False)
        for requested, decides in [(Stage.SERVER_PRIMARY, False), (Stage.COMPLETE, True)]:
            held = effective(requested=requested, percentage=10_000, of=straggler)
            assert server_decides(requested=requested, held=held) is decides
