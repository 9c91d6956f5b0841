"""The epoch is a pair, and stale in either part."""

import pytest

from migration.values.epochs import Epoch


def test_reads_what_it_writes():
    assert Epoch.parse(str(Epoch(12, 3))) == Epoch(12, 3)


@pytest.mark.parametrize("text", ["", "1", "1.2.3", "a.1", "1.", ".1", "1,2"])
def test_refuses_other_text(text):
    with pytest.raises(ValueError, match=r".*"):
        Epoch.parse(text)


@pytest.mark.parametrize(
    ("ours", "current", "stale"),
    [("1.1", "1.1", False), ("1.1", "2.1", True), ("1.1", "1.2", True), ("2.1", "1.1", False), ("2.1", "1.2", True)],
)
def test_is_stale_when_any_part_has_risen(ours, current, stale):
    assert Epoch.parse(ours).is_stale(Epoch.parse(current)) is stale
