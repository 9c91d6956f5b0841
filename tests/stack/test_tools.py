"""What the checks bring along when the machine does not have it."""

import subprocess
from pathlib import Path

import pytest

from syncserver.stack import PROJECT, checks, tools
from syncserver.stack.environment import LOCKS, Environment

ENVIRONMENT = Environment(project=PROJECT)


class TestNode:
    def test_comes_out_of_the_wheel_when_the_path_has_none(self, tmp_path: Path) -> None:
        path = tools.with_node("/nowhere", environment=ENVIRONMENT, folder=tmp_path)
        for program in ("node", "npm"):
            said = subprocess.check_output([tmp_path / "node" / program, "--version"], env={"PATH": path})
            assert said.strip()

    def test_of_an_old_version_is_passed_over(self, tmp_path: Path) -> None:
        old = tmp_path / "old"
        old.mkdir()
        for program in ("node", "npm"):
            (old / program).write_text("#!/bin/sh\necho v18.20.0\n")
            (old / program).chmod(0o755)
        path = tools.with_node(str(old), environment=ENVIRONMENT, folder=tmp_path)
        assert path.startswith(str(tmp_path / "node"))


class TestBrowsers:
    def test_that_are_missing_are_named_in_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tools.shutil, "which", lambda _name: None)
        with pytest.raises(tools.ToolMissing, match=r"^missing browsers: chromium, firefox-esr; install"):
            tools.ensure_browsers(lambda _line: None)


class TestLocks:
    @pytest.mark.parametrize("name", LOCKS.values())
    def test_name_no_address_and_hash_everything(self, name: str) -> None:
        text = (PROJECT / name).read_text()
        pinned = [line for line in text.splitlines() if "==" in line]
        assert "://" not in text
        assert text.count("--hash=sha256:") >= len(pinned) > 0

    def test_of_development_contains_the_other(self) -> None:
        texts = ((PROJECT / name).read_text().splitlines() for name in LOCKS.values())
        run, dev = ({line for line in text if "==" in line} for text in texts)
        assert run <= dev


class TestSteps:
    def test_all_run_but_those_on_request(self) -> None:
        names = [step.name for step in checks.chosen([])]
        assert names == ["ruff", "mypy", "imports", "tests", "sdk", "faults", "e2e"]

    def test_that_are_named_run_alone(self) -> None:
        assert [step.name for step in checks.chosen(["soak"])] == ["soak"]

    def test_that_failed_are_listed_in_the_end(self, capsys: pytest.CaptureFixture[str]) -> None:
        outcomes = [checks.Outcome(name=name, passed=passed, seconds=1) for name, passed in (("a", True), ("b", False))]
        assert checks.verdict(outcomes) == 1
        assert capsys.readouterr().out.splitlines()[-1] == "failed: b"
