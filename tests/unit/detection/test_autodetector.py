"""What a collection mostly holds, and why."""

import pytest

from migration.detection import AutoDetector
from migration.values.collections import compile_labels
from migration.values.lines import Line, Lines

LABEL = compile_labels([("todo", ["todo:*"]), ("note", ["note:*"])]).label


def lines(*pairs: tuple[str, str | None]) -> Lines:
    return Lines.of(Line(key, value, b"") for key, value in pairs)


class TestSample:
    def test_counts_types_by_collection(self) -> None:
        entries = lines(("todo:1", "{}"), ("todo:2", "[]"), ("note:1", "hello"), ("x", "1"))
        counts = AutoDetector().sample(entries, label=LABEL)
        assert counts == {"todo": {"object": 1, "array": 1}, "note": {"text": 1}, "default": {"number": 1}}

    def test_leaves_deletions_out(self) -> None:
        assert AutoDetector().sample(lines(("todo:1", None)), label=LABEL) == {}

    @pytest.mark.parametrize("size", [0, 1, 49, 50, 51, 99, 100, 10_000])
    def test_looks_at_a_bounded_number_of_values(self, size: int) -> None:
        entries = lines(*((f"todo:{number}", "{}") for number in range(size)))
        looked_at = sum(AutoDetector(per_chunk=50).sample(entries, label=LABEL).get("todo", {}).values())
        assert min(size, 25) <= looked_at <= 50

    def test_is_the_same_each_time_and_spread_over_the_chunk(self) -> None:
        entries = lines(*((f"todo:{number}", "{}" if number < 500 else "1") for number in range(1000)))
        first, second = (AutoDetector(per_chunk=10).sample(entries, label=LABEL) for _ in range(2))
        assert first == second == {"todo": {"object": 5, "number": 5}}


class TestJudge:
    def test_names_the_type_most_values_have(self) -> None:
        [verdict] = AutoDetector().judge({"todo": {"object": 49, "text": 1}})
        assert (verdict.collection, verdict.type, verdict.share, verdict.sampled) == ("todo", "object", 0.98, 50)
        assert verdict.reason == "50 sampled: 49 object, 1 text"

    def test_calls_it_mixed_where_none_dominates(self) -> None:
        [verdict] = AutoDetector().judge({"todo": {"text": 4, "object": 4, "null": 2, "date": 0}})
        assert verdict.type == "mixed"
        assert verdict.counts == {"object": 4, "text": 4, "null": 2}
        assert verdict.reason == "10 sampled: 4 object, 4 text, 2 null; none reaches 90%"

    def test_says_nothing_about_what_it_has_not_seen(self) -> None:
        assert AutoDetector().judge({"todo": {}}) == []

    def test_merges_samples_in_any_order(self) -> None:
        detector = AutoDetector()
        samples = [{"a": {"object": 2}}, {"a": {"object": 1, "text": 1}, "b": {"null": 1}}]
        assert detector.merge(samples) == detector.merge(reversed(samples))
        assert detector.merge(samples) == {"a": {"object": 3, "text": 1}, "b": {"null": 1}}
