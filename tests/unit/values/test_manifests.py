"""Manifests against themselves and against the one before."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.errors import ManifestInvalid, ManifestShrinks
from migration.values.manifests import Manifest, check, check_amendment, manifest_digest, manifest_json
from tests.factories.uploads import manifest_of, todos


def manifest(count: int = 5, **changes: Any) -> Manifest:
    return msgspec.convert({**manifest_of(todos(count)), **changes}, Manifest)


class TestChecking:
    @given(st.dictionaries(st.text(max_size=8), st.none() | st.text(max_size=20), max_size=40))
    def test_lets_pass_what_a_browser_makes(self, entries: dict[str, str | None]) -> None:
        check(msgspec.convert(manifest_of(entries), Manifest))

    @pytest.mark.parametrize("changes", [{"entries": 6}, {"bytes": 9}, {"entries": 0}])
    def test_refuses_sums_that_do_not_hold(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ManifestInvalid):
            check(manifest(**changes))

    def test_names_the_collection(self) -> None:
        said = manifest_of(todos(5))
        said["collections"][0]["deleted"] = 6
        with pytest.raises(ManifestInvalid) as refused:
            check(msgspec.convert(said, Manifest))
        assert refused.value.extras == {"collection": "todo"}

    def test_refuses_patterns_no_labeller_takes(self) -> None:
        said = manifest_of(todos(5))
        said["collections"][0]["patterns"] = ["*".join("abcdefghijk")]
        with pytest.raises(ManifestInvalid):
            check(msgspec.convert(said, Manifest))

    def test_refuses_what_jsonb_cannot_hold(self) -> None:
        said = manifest_of(todos(5))
        said["withheld"]["rules"] = {"a\x00": 1}
        with pytest.raises(ManifestInvalid):
            check(msgspec.convert(said, Manifest))


class TestTheDigest:
    def test_does_not_depend_on_the_order_of_members(self) -> None:
        said = manifest_of(todos(50))
        turned = {name: said[name] for name in reversed(list(said))}
        turned["collections"] = [{name: one[name] for name in reversed(list(one))} for one in said["collections"]]
        assert manifest_digest(msgspec.convert(said, Manifest)) == manifest_digest(msgspec.convert(turned, Manifest))

    def test_survives_being_kept(self) -> None:
        kept = msgspec.json.decode(msgspec.json.encode(manifest_json(manifest())))
        assert manifest_digest(msgspec.convert(kept, Manifest)) == manifest_digest(manifest())


class TestAmending:
    @pytest.mark.parametrize(("version", "count"), [(4, 5), (4, 6), (9, 5)])
    def test_may_add(self, version: int, count: int) -> None:
        check_amendment(version=3, entries=5, digest=bytes(32), by=manifest(count, version=version))

    @pytest.mark.parametrize(("version", "count"), [(3, 5), (2, 6), (4, 4)])
    def test_may_not_take_away_or_go_back(self, version: int, count: int) -> None:
        with pytest.raises(ManifestShrinks):
            check_amendment(version=3, entries=5, digest=bytes(32), by=manifest(count, version=version))

    def test_may_be_the_very_same(self) -> None:
        same = manifest()
        check_amendment(version=same.version, entries=5, digest=manifest_digest(same), by=same)
