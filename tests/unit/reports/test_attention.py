"""What needs attention: the grave first, nothing when all is well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from migration.reports.attention import SILENT, UNVERIFIED_LONG, WAITS_LONG, concerns
from migration.reports.fleet import Fleet

NOW = datetime(2026, 3, 5, 12, 30, tzinfo=UTC)
A_MOMENT = timedelta(seconds=1)
WELL = Fleet(
    at=NOW, folded_at=NOW, standing={}, rate=[], entries=0, errors={}, quarantined={}, storage=[],
    oldest_unverified=None, live=[], waiting=0, waiting_since=None, workers=2,
)  # fmt: skip


class TestConcerns:
    def test_there_are_none_when_all_is_well(self) -> None:
        patient = replace(
            WELL,
            folded_at=NOW - SILENT,
            waiting=5,
            waiting_since=NOW - WAITS_LONG,
            oldest_unverified=NOW - UNVERIFIED_LONG,
        )
        assert concerns(patient) == []

    @pytest.mark.parametrize(
        ("fleet", "words", "grave"),
        [
            (replace(WELL, workers=0), "No worker", True),
            (replace(WELL, folded_at=None), "sweeper", True),
            (replace(WELL, folded_at=NOW - SILENT - A_MOMENT), "sweeper", True),
            (replace(WELL, waiting_since=NOW - WAITS_LONG - A_MOMENT), "wait for 1 min", True),
            (replace(WELL, standing={"runs": {"failed": 1}}), "1 run failed", True),
            (replace(WELL, standing={"quarantine": {"open": 1234}}), "1\u202f234 entries", False),
            (replace(WELL, standing={"conflicts": {"open": 2}}), "2 conflicts", False),
            (replace(WELL, oldest_unverified=NOW - UNVERIFIED_LONG - A_MOMENT), "never verified", False),
        ],
    )
    def test_name_what_is_wrong(self, fleet: Fleet, words: str, grave: bool) -> None:
        (concern,) = concerns(fleet)
        assert words in concern.what
        assert concern.grave is grave

    def test_the_grave_come_first(self) -> None:
        both = replace(WELL, workers=0, standing={"conflicts": {"open": 2}, "runs": {"failed": 1}})
        assert [concern.grave for concern in concerns(both)] == [True, True, False]
