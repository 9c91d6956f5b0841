"""Keys are rotated while sealed archives lie about: what is there opens without the old key, the rest is named."""

import io
import json
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from migration.errors import MigrationError
from migration.models import App, ArchiveJob
from tests.factories.archives import empty, export, held_of, make_varied_app, restore

pytestmark = pytest.mark.usefixtures("worker")

OLD, NEW = (urlsafe_b64encode(bytes([number] * 32)).decode() for number in (1, 2))


def use(settings: Any, *keys: str) -> None:
    settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": ",".join(keys)}


@pytest.fixture
def sealed(tmp_path: Path, settings: Any) -> tuple[App, Path, dict[str, list[str]]]:
    """An app whose archive is sealed under the old key, since emptied; the archive; what it held."""
    use(settings, OLD)
    app = make_varied_app()
    before = held_of(app)
    export(app, tmp_path / "a", encrypt=True)
    empty(app)
    return app, tmp_path / "a", before


def said(*words: str) -> str:
    out = io.StringIO()
    try:
        call_command("migration_keys", *words, stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}\nerror: {error}"
    return out.getvalue()


class TestSealedArchives:
    def test_open_under_the_new_key_alone_after_a_rotation(
        self, sealed: tuple[App, Path, dict[str, list[str]]], settings: Any
    ) -> None:
        app, path, before = sealed
        parts = {one.name: one.read_bytes() for one in path.glob("part-*")}
        use(settings, NEW, OLD)
        assert f"Archive {path} needs an older key: 2 of its keys." in said("check")
        assert "and 1 archives anew" in said("rotate")
        assert "error" not in said("check")
        use(settings, NEW)
        restore(app, path)
        assert held_of(app) == before
        assert {one.name: one.read_bytes() for one in path.glob("part-*")} == parts
        assert sorted(one.name for one in path.iterdir()) == ["manifest.json", *sorted(parts)]

    def test_stay_the_same_work_and_cannot_be_altered(
        self, sealed: tuple[App, Path, dict[str, list[str]]], settings: Any
    ) -> None:
        app, path, _ = sealed
        restore(app, path)
        ArchiveJob.objects.update(state="paused")
        use(settings, NEW, OLD)
        said("rotate")
        assert restore(app, path).resumed
        manifest = json.loads((path / "manifest.json").read_text())
        (path / "manifest.json").write_text(json.dumps({**manifest, "counts": {"owners": 0}}))
        with pytest.raises(MigrationError) as refused:
            restore(app, path)
        assert refused.value.code == "archive_locked"

    def test_that_were_moved_are_named_and_can_be_pointed_at(
        self, sealed: tuple[App, Path, dict[str, list[str]]], settings: Any, tmp_path: Path
    ) -> None:
        _, path, _ = sealed
        shutil.move(path, tmp_path / "away")
        use(settings, NEW, OLD)
        assert f"Archive {path} cannot be looked at here" in said("rotate")
        assert f"Archive {tmp_path / 'away'} needs an older key" in said("check", "--archive", str(tmp_path / "away"))
        assert "and 1 archives anew" in said("rotate", "--archive", str(tmp_path / "away"))

    def test_under_a_key_nobody_has_are_left_as_they_are(
        self, sealed: tuple[App, Path, dict[str, list[str]]], settings: Any
    ) -> None:
        _, path, _ = sealed
        before = (path / "manifest.json").read_bytes()
        use(settings, NEW)
        assert "under none: 2" in said("rotate")
        assert (path / "manifest.json").read_bytes() == before
