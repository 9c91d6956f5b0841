"""The records' second index is kept, and the reason says what building it anew would come to."""

import pytest

from migration.loading import secondary_index


class TestSecondaryIndex:
    @pytest.mark.parametrize("coming", [1, 100_000, 1_000_000, 1_000_000_000])
    def test_is_kept_even_into_an_empty_table(self, coming: int) -> None:
        assert secondary_index(coming=coming, there=0) == (
            f"kept: {coming} records come to 0, building it anew would save 0.3 % of the restore"
        )

    def test_is_built_for_what_was_there_as_well(self) -> None:
        assert "cost more than it saves" in secondary_index(coming=1_000, there=1_000)

    def test_nothing_to_restore_is_no_error(self) -> None:
        assert secondary_index(coming=0, there=10).startswith("kept: 0 records")
