"""Fault points: off by default, armed by name, counted, matched, fired once."""

import pytest

from migration.config import FAULT_POINTS, FaultInjected, fault_point, faults, faults_armed


@pytest.fixture
def arm(settings):
    """Arm faults in this process."""

    def do(text: str, once: str = "") -> None:
        settings.MIGRATION = {**settings.MIGRATION, "FAULTS": text, "FAULTS_ONCE": once}
        forget()

    def forget() -> None:
        faults._told.cache_clear()
        faults._table_of.cache_clear()

    yield do
    forget()


class TestOff:
    def test_nothing_is_armed_by_default(self, arm):
        arm("")
        assert not faults_armed()
        for name in FAULT_POINTS:
            fault_point(name)


class TestArmed:
    def test_fires_at_the_nth_passing_only(self, arm):
        arm("load.after_stage:3:raise")
        assert faults_armed()
        for _ in range(2):
            fault_point("load.after_stage")
        with pytest.raises(FaultInjected):
            fault_point("load.after_stage")
        fault_point("load.after_stage")

    def test_leaves_other_points_alone(self, arm):
        arm("load.after_stage:1:raise")
        fault_point("load.before_commit")

    def test_counts_only_what_matches(self, arm):
        arm("load.entry:2:raise:bad")
        for about in (b"good", b"bad one", b"good"):
            fault_point("load.entry", about=about)
        with pytest.raises(FaultInjected):
            fault_point("load.entry", about=b"\xff bad")

    def test_several_at_once(self, arm):
        arm("load.entry:1:raise,verify.before_commit:1:raise")
        for name in ("load.entry", "verify.before_commit"):
            with pytest.raises(FaultInjected):
                fault_point(name)

    def test_fires_once_for_all_processes_when_told_so(self, arm, tmp_path):
        arm("load.entry:1:raise", once=str(tmp_path))
        with pytest.raises(FaultInjected):
            fault_point("load.entry")
        arm("load.entry:1:raise", once=str(tmp_path))  # as another process would
        fault_point("load.entry")

    def test_fires_in_every_process_where_nothing_can_remember_that_it_has(self, arm, tmp_path):
        for _ in range(2):
            arm("load.entry:1:raise", once=str(tmp_path / "gone"))
            with pytest.raises(FaultInjected):
                fault_point("load.entry")

    def test_are_those_of_a_file_while_it_is_in_its_place_counted_from_then_on(self, arm, tmp_path):
        def put(text: str) -> None:
            (tmp_path / "new").write_text(text)
            (tmp_path / "new").replace(tmp_path / "faults")

        put("")
        arm(f"@{tmp_path / 'faults'}")
        assert not faults_armed()
        fault_point("load.entry")
        for _ in range(2):
            put("load.entry:2:raise")
            assert faults_armed()
            fault_point("load.entry")
        with pytest.raises(FaultInjected):
            fault_point("load.entry")
        put("")
        assert not faults_armed()
        fault_point("load.entry")

    def test_sleeps(self, arm, monkeypatch):
        slept = []
        monkeypatch.setattr(faults.time, "sleep", slept.append)
        arm("load.entry:1:sleep=1.5")
        fault_point("load.entry")
        assert slept == [1.5]

    def test_kills_this_very_process(self, arm, monkeypatch):
        killed = []
        monkeypatch.setattr(faults.os, "kill", lambda *arguments: killed.append(arguments))
        arm("load.entry:1:kill")
        fault_point("load.entry")
        assert killed == [(faults.os.getpid(), faults.signal.SIGKILL)]

    @pytest.mark.parametrize("text", ["nowhere:1:kill", "load.entry:x:kill"])
    def test_refuses_what_it_does_not_know(self, arm, text):
        arm(text)
        with pytest.raises(ValueError, match=r"."):
            fault_point("load.entry")

    def test_refuses_an_action_it_does_not_know(self, arm):
        arm("load.entry:1:explode")
        with pytest.raises(ValueError, match="explode"):
            fault_point("load.entry")
