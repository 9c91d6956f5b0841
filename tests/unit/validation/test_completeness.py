"""A run is complete when every bucket agrees, whoever has it."""

from migration.validation import compare_with_manifest, differing_buckets


class TestComparing:
    def test_equal_buckets_are_complete(self) -> None:
        manifest = {"collections": [{"name": "a", "buckets": {"00": "x", "ff": "y"}}, {"name": "empty", "buckets": {}}]}
        assert compare_with_manifest(manifest, {"a": {"ff": "y", "00": "x"}}) == {}

    def test_a_bucket_only_one_side_has_differs(self) -> None:
        ours = {"a": {"00": "x", "01": "y"}, "mine": {"10": "z"}}
        theirs = {"a": {"00": "x", "02": "y"}, "theirs": {"20": "z"}}
        assert differing_buckets(ours, theirs) == {"a": ["01", "02"], "mine": ["10"], "theirs": ["20"]}

    def test_a_bucket_with_another_digest_differs(self) -> None:
        assert differing_buckets({"a": {"00": "x"}}, {"a": {"00": "y"}}) == {"a": ["00"]}
