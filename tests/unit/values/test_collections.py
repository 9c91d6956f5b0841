"""Labels agree with a matcher written another way, and hostile patterns take no longer than harmless ones."""

import json
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.values.collections import PatternsInvalid, code_units, compile_labels, compile_patterns


def units(text: str) -> tuple[int, ...]:
    """Return the UTF-16 code units of `text`."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return tuple(raw[at] | raw[at + 1] << 8 for at in range(0, len(raw), 2))


def naively_matches(pattern: str, key: str) -> bool:
    """Tell whether `pattern` matches, by the definition and one code unit at a time."""
    wanted, given_units = units(pattern), units(key)

    @cache
    def rest(p: int, k: int) -> bool:
        if p == len(wanted):
            return k == len(given_units)
        if wanted[p] == ord("*"):
            return rest(p + 1, k) or (k < len(given_units) and rest(p, k + 1))
        return k < len(given_units) and wanted[p] == given_units[k] and rest(p + 1, k + 1)

    return rest(0, 0)


def from_units(code: list[int]) -> str:
    """Return the string JavaScript holds under these code units."""
    raw = b"".join(unit.to_bytes(2, "little") for unit in code)
    return raw.decode("utf-16-le", "surrogatepass")


def naive_label(collections: list[tuple[str, list[str]]], key: str) -> str:
    for name, patterns in collections:
        if any(naively_matches(pattern, key) for pattern in patterns):
            return name
    return "default"


# Few characters, so that patterns and keys meet; halves of a pair, so that code units matter.
LETTERS = st.sampled_from(["a", "b", ":", "\n", ".", "\x00", "é", "\ud83d", "\ude00", "\U0001f600"])
KEYS = (
    st.lists(LETTERS, max_size=8)
    .map("".join)
    .map(lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))
)
PATTERNS = st.lists(LETTERS | st.just("*"), max_size=6).map("".join)
COLLECTIONS = st.lists(st.lists(PATTERNS, max_size=4), max_size=5).map(
    lambda listed: [(f"c{rank}", patterns) for rank, patterns in enumerate(listed)]
)


class TestLabel:
    @pytest.mark.parametrize(
        ("key", "label"),
        [
            ("todo:1", "todo"),
            ("todo:", "todo"),
            ("todo", "default"),
            ("TODO:1", "default"),
            ("todo:1\n2", "todo"),
            ("todo:\ud800", "todo"),
            ("settings", "exact"),
            ("settings ", "default"),
            ("a.cache", "suffix"),
            (".cache", "suffix"),
            ("todo:x.cache", "todo"),
            ("pre-mid-post", "middle"),
            ("premidpost", "middle"),
            ("premipost", "default"),
            ("", "default"),
            ("__proto__", "default"),
        ],
    )
    def test_is_the_first_collection_that_matches_the_whole_key(self, key: str, label: str) -> None:
        labeller = compile_labels(
            [("todo", ["todo:*"]), ("exact", ["settings"]), ("suffix", ["*.cache"]), ("middle", ["pre*mid*post"])]
        )
        assert labeller.label(key) == label

    def test_order_of_the_list_decides_whatever_the_kind_of_pattern(self) -> None:
        forms = [("exact", ["ab"]), ("prefix", ["a*"]), ("suffix", ["*b"]), ("longer", ["ab*"])]
        for first in forms:
            others = [form for form in forms if form is not first]
            assert compile_labels([first, *others]).label("ab") == first[0]

    def test_a_star_alone_takes_everything(self) -> None:
        labeller = compile_labels([("all", ["*"])])
        assert {labeller.label(key) for key in ("", "a", "\n", "\ud800")} == {"all"}

    def test_prefix_and_suffix_may_not_overlap(self) -> None:
        assert compile_labels([("c", ["aba*aba"])]).label("ababa") == "default"
        assert compile_labels([("c", ["aba*aba"])]).label("abaaba") == "c"

    def test_no_collection_takes_nothing(self) -> None:
        assert compile_labels([]).label("a") == "default"
        assert compile_labels([("c", [])]).label("") == "default"

    def test_half_a_pair_in_a_pattern_matches_within_a_pair_as_in_the_browser(self) -> None:
        assert compile_labels([("c", ["\ud83d*"])]).label("\U0001f600") == "c"

    @given(COLLECTIONS, KEYS)
    def test_agrees_with_the_definition(self, collections: list[tuple[str, list[str]]], key: str) -> None:
        assert compile_labels(collections).label(key) == naive_label(collections, key)

    @given(COLLECTIONS, st.lists(KEYS, max_size=4))
    def test_is_the_same_for_many_keys_at_once(self, collections: list[tuple[str, list[str]]], keys: list[str]) -> None:
        labeller = compile_labels(collections)
        assert labeller.label_all(keys) == [labeller.label(key) for key in keys]

    @given(st.lists(KEYS, max_size=4))
    def test_is_the_same_for_many_keys_where_one_takes_all(self, keys: list[str]) -> None:
        assert compile_labels([("all", ["*"])]).label_all(keys) == ["all"] * len(keys)


class TestSharedVectors:
    def test_labels_are_those_of_the_browser(self) -> None:
        path = Path(__file__).parents[2] / "vectors" / "collections.json"
        shared = json.loads(path.read_text(encoding="utf-8"))
        label = compile_labels([(each["name"], each["patterns"]) for each in shared["collections"]]).label
        answers = [(case["key"], label(from_units(case["key"]))) for case in shared["cases"]]
        assert answers == [(case["key"], case["collection"]) for case in shared["cases"]]


class TestCompilePatterns:
    def test_tells_listed_keys(self) -> None:
        allowed = compile_patterns(["a:*", "b"])
        assert [key for key in ("a:1", "b", "b1", "") if allowed(key)] == ["a:1", "b"]

    def test_nothing_is_listed_in_an_empty_list(self) -> None:
        assert not compile_patterns([])("")

    def test_takes_more_patterns_than_one_collection_may_have(self) -> None:
        assert compile_patterns([f"k{number}" for number in range(120)])("k119")


class TestLimits:
    @pytest.mark.parametrize(
        "collections",
        [
            [("c", [])] * 201,
            [("c", ["a"] * 51)],
            [("c", ["a" * 513])],
            [("c", ["*" * 9])],
        ],
        ids=["collections", "patterns", "length", "stars"],
    )
    def test_are_refused_beyond(self, collections: list[tuple[str, list[str]]]) -> None:
        with pytest.raises(PatternsInvalid):
            compile_labels(collections)

    def test_are_accepted_at(self) -> None:
        compile_labels([("c", ["*" * 8 + "a" * 504] * 50)] * 200)

    @pytest.mark.parametrize(
        ("pattern", "letter"),
        [("a*a*a*a*a*a*a*a*b", "a"), ("*aaaaaaaab*a*b", "a"), ("*" + "a" * 500 + "b*", "a"), ("********b", "a")],
    )
    def test_hostile_patterns_take_time_in_proportion_to_the_key(self, pattern: str, letter: str) -> None:
        label = compile_labels([("c", [pattern])]).label
        key = letter * 5_000_000
        start = time.process_time()
        assert label(key) == "default"
        assert time.process_time() - start < 1

    def test_a_full_list_costs_little_to_compile_and_to_ask(self) -> None:
        """10,000 prefixes, each starting with the one before as far as lengths allow."""
        collections = [
            (f"c{rank}", ["a" * (rank * 2) + chr(98 + place % 20) * (place // 20) + "*" for place in range(50)])
            for rank in range(200)
        ]
        start = time.process_time()
        labeller = compile_labels(collections)
        for number in range(10_000):
            labeller.label("a" * 400 + str(number))
        assert time.process_time() - start < 3


class TestCodeUnits:
    @given(KEYS)
    def test_are_javascripts(self, key: str) -> None:
        assert tuple(map(ord, code_units(key))) == units(key)
