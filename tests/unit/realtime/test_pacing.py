from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from migration.realtime.pacing import Event, Pacer

NAMES = st.sampled_from(["progressUpdate", "stageChanged", "errorAdded", "migrationCompleted"])
STATES = st.sampled_from(["transferring", "verifying", "completed"])
OFFERS = st.lists(st.tuples(st.floats(0, 0.2), st.integers(0, 30), NAMES, STATES), max_size=40)


def event(number: int, name: str = "progressUpdate", state: str = "transferring") -> Event:
    return Event(name, number, state, "{}")


def pacer_after_snapshot(number: int = 0) -> Pacer:
    return Pacer(0.1, number=number, state="transferring")


class TestPacer:
    def test_drops_what_the_snapshot_told(self) -> None:
        pacer = pacer_after_snapshot(7)
        assert pacer.offer(event(7), now=0) is None
        assert pacer.offer(event(6, "stageChanged"), now=0) is None
        assert pacer.wait(now=0) is None

    def test_sends_the_first_progress_at_once_and_the_last_after_the_pause(self) -> None:
        pacer = pacer_after_snapshot()
        assert pacer.offer(event(1), now=10.0) is not None
        assert pacer.offer(event(2), now=10.01) is None
        assert pacer.offer(event(3), now=10.02) is None
        assert pacer.due(now=10.05) is None
        last = pacer.due(now=10.11)
        assert last is not None
        assert last.number == 3
        assert pacer.wait(now=10.11) is None

    def test_lets_a_change_of_stage_pass_at_once_and_drops_the_progress_before_it(self) -> None:
        pacer = pacer_after_snapshot()
        pacer.offer(event(1), now=10.0)
        pacer.offer(event(2), now=10.01)
        passed = pacer.offer(event(3, "stageChanged", "verifying"), now=10.02)
        assert passed is not None
        assert pacer.due(now=11) is None

    def test_names_a_change_of_state_that_was_overtaken(self) -> None:
        pacer = pacer_after_snapshot()
        overtaking = pacer.offer(event(9, "progressUpdate", "completed"), now=0)
        assert overtaking is not None
        assert overtaking.name == "migrationCompleted"
        assert pacer.offer(event(8, "migrationCompleted", "completed"), now=0) is None

    @given(OFFERS)
    def test_numbers_rise_progress_keeps_its_distance_and_the_newest_goes_out(
        self, offers: list[tuple[float, int, str, str]]
    ) -> None:
        pacer, now, sent = pacer_after_snapshot(), 100.0, []
        for wait, number, name, state in offers:
            now += wait
            sent += [
                (now, ready)
                for ready in (pacer.due(now=now), pacer.offer(event(number, name, state), now=now))
                if ready
            ]
        now += 1
        sent += [(now, ready)] if (ready := pacer.due(now=now)) else []

        numbers = [one.number for _, one in sent]
        assert numbers == sorted(set(numbers))
        newest = max((number for _, number, _, _ in offers), default=0)
        assert newest == 0 or numbers[-1] == newest
        gaps = [later - earlier for (earlier, _), (later, one) in pairwise(sent) if one.name == "progressUpdate"]
        assert all(gap >= 0.1 - 1e-9 for gap in gaps)
