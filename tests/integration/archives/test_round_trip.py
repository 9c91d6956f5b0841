"""What an archive holds comes back as it was, through every compression and through encryption."""

from pathlib import Path

import pytest

from e2e import corpus
from tests.factories.archives import empty, export, held_of, load, make_varied_app, restore
from tests.factories.loads import make_owner

pytestmark = pytest.mark.usefixtures("worker")


class TestRoundTrip:
    @pytest.mark.parametrize(
        "options", [{}, {"compression": "zstd"}, {"compression": "none"}, {"encrypt": True}], ids=str
    )
    def test_brings_everything_back_as_it_was(self, tmp_path: Path, options: dict[str, object]) -> None:
        app = make_varied_app()
        before = held_of(app)
        assert all(before[kind] for kind in ("owner", "record", "version", "conflict", "device"))
        export(app, tmp_path / "a", **options)
        empty(app)
        restored = restore(app, tmp_path / "a")
        assert restored.state == "done"
        assert held_of(app) == before

    def test_keeps_every_code_unit_of_the_corpus(self, tmp_path: Path) -> None:
        owner = make_owner()
        entries = list(corpus.everything().items())
        for start in range(0, len(entries), 10_000):
            load(owner, entries[start : start + 10_000], conflict_policy="AUTO_OVERWRITE")
        load(owner, corpus.one_huge())
        before = held_of(owner.app)
        export(owner.app, tmp_path / "a")
        empty(owner.app)
        restore(owner.app, tmp_path / "a")
        assert held_of(owner.app) == before
