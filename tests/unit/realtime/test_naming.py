import pytest

from migration.realtime.naming import name_of


class TestName:
    @pytest.mark.parametrize(
        ("state", "name"),
        [
            ("verifying", "stageChanged"),
            ("completed", "migrationCompleted"),
            ("failed", "migrationFailed"),
            ("rolled_back", "rollbackCompleted"),
            ("rolling_back", "stageChanged"),
        ],
    )
    def test_tells_a_change_that_was_only_called_progress(self, state: str, name: str) -> None:
        assert name_of(said="progressUpdate", state_before="transferring", state_now=state) == name

    def test_leaves_progress_progress(self) -> None:
        assert name_of(said="progressUpdate", state_before="verifying", state_now="verifying") == "progressUpdate"

    def test_tells_completion_though_only_a_stage_was_said(self) -> None:
        assert name_of(said="stageChanged", state_before="verifying", state_now="completed") == "migrationCompleted"

    def test_does_not_tell_completion_twice(self) -> None:
        assert name_of(said="migrationCompleted", state_before="completed", state_now="completed") == "progressUpdate"

    @pytest.mark.parametrize("said", ["stageChanged", "errorAdded"])
    def test_leaves_what_was_said_of_a_state_that_stays(self, said: str) -> None:
        assert name_of(said=said, state_before="transferring", state_now="transferring") == said
