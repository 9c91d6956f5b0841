"""Fault points: off by default, armed by name, counted, matched, fired once."""

import pytest

from migration.config import FAULT_POINTS, FaultInjected, fault_point, faults, faults_armed


class TestOff:
    def test_nothing_is_armed_by_default(self, armed):
        with armed(""):
            assert not faults_armed()
            for name in FAULT_POINTS:
                fault_point(name)


class TestArmed:
    def test_fires_at_the_nth_passing_only(self, armed):
        with armed("load.after_stage:3:raise"):
            assert faults_armed()
            for _ in range(2):
                fault_point("load.after_stage")
            with pytest.raises(FaultInjected):
                fault_point("load.after_stage")
            fault_point("load.after_stage")

    def test_leaves_other_points_alone(self, armed):
        with armed("load.after_stage:1:raise"):
            fault_point("load.before_commit")

    def test_counts_only_what_matches(self, armed):
        with armed("load.entry:2:raise:bad"):
            for about in (b"good", b"bad one", b"good"):
                fault_point("load.entry", about=about)
            with pytest.raises(FaultInjected):
                fault_point("load.entry", about=b"\xff bad")

    def test_several_at_once(self, armed):
        with armed("load.entry:1:raise,verify.before_commit:1:raise"):
            for name in ("load.entry", "verify.before_commit"):
                with pytest.raises(FaultInjected):
                    fault_point(name)

    def test_fires_once_for_all_processes_when_told_so(self, armed, tmp_path):
        with armed("load.entry:1:raise", once=str(tmp_path)):
            with pytest.raises(FaultInjected):
                fault_point("load.entry")
            faults.forget()  # as another process would have
            fault_point("load.entry")

    def test_fires_in_every_process_where_nothing_can_remember_that_it_has(self, armed, tmp_path):
        with armed("load.entry:1:raise", once=str(tmp_path / "gone")):
            for _ in range(2):
                with pytest.raises(FaultInjected):
                    fault_point("load.entry")
                faults.forget()

    def test_are_those_of_a_file_while_it_is_in_its_place_counted_from_then_on(self, armed, tmp_path):
        def put(text: str) -> None:
            (tmp_path / "new").write_text(text)
            (tmp_path / "new").replace(tmp_path / "faults")

        put("")
        with armed(f"@{tmp_path / 'faults'}"):
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

    def test_sleeps(self, armed, monkeypatch):
        slept = []
        monkeypatch.setattr(faults.time, "sleep", slept.append)
        with armed("load.entry:1:sleep=1.5"):
            fault_point("load.entry")
        assert slept == [1.5]

    def test_kills_this_very_process(self, armed, monkeypatch):
        killed = []
        monkeypatch.setattr(faults.os, "kill", lambda *arguments: killed.append(arguments))
        with armed("load.entry:1:kill"):
            fault_point("load.entry")
        assert killed == [(faults.os.getpid(), faults.signal.SIGKILL)]

    @pytest.mark.parametrize("text", ["nowhere:1:kill", "load.entry:x:kill"])
    def test_refuses_what_it_does_not_know(self, armed, text):
        with armed(text), pytest.raises(ValueError, match=r"."):
            fault_point("load.entry")

    def test_refuses_an_action_it_does_not_know(self, armed):
        with armed("load.entry:1:explode"), pytest.raises(ValueError, match="explode"):
            fault_point("load.entry")
