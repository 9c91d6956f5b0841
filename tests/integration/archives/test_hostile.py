"""An archive somebody made, cut off or altered is refused with a code before anything is written."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration.errors import MigrationError
from migration.models import ArchiveJob, Owner
from tests.factories.archives import empty, export, make_varied_app, restore
from tests.factories.loads import make_app

pytestmark = pytest.mark.usefixtures("worker")
PART = "part-00001.ndjson.gz"


def truncated(path: Path) -> None:
    part = path / PART
    part.write_bytes(part.read_bytes()[:-20])


def flipped(path: Path) -> None:
    raw = bytearray((path / PART).read_bytes())
    raw[len(raw) // 2] ^= 1
    (path / PART).write_bytes(raw)


def missing(path: Path) -> None:
    (path / PART).unlink()


def forged(change: Callable[[bytes], bytes], **said: Any) -> Callable[[Path], None]:
    """Return what writes a part anew and a manifest that agrees with it, but for `said`."""

    def forge(path: Path) -> None:
        manifest = json.loads((path / "manifest.json").read_text())
        lines = change(gzip.decompress((path / PART).read_bytes()))
        packed = gzip.compress(lines)
        (path / PART).write_bytes(packed)
        manifest["parts"][0] |= {
            "size": len(packed),
            "sha256": hashlib.sha256(packed).hexdigest(),
            "lines": lines.count(b"\n"),
            "bytes": len(lines),
            "content_sha256": hashlib.sha256(lines).hexdigest(),
            **said,
        }
        (path / "manifest.json").write_text(json.dumps(manifest))

    return forge


def told(**said: Any) -> Callable[[Path], None]:
    """Return what changes the manifest."""

    def tell(path: Path) -> None:
        manifest = json.loads((path / "manifest.json").read_text()) | said
        (path / "manifest.json").write_text(json.dumps(manifest))

    return tell


CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (truncated, "archive_damaged"),
    "a flipped bit": (flipped, "archive_damaged"),
    "a part is gone": (missing, "archive_damaged"),
    "a bomb": (forged(lambda lines: lines + b"\n" * 50_000_000, bytes=100_000), "archive_too_large"),
    "deep": (forged(lambda lines: b'{"owner":' + b"[" * 1_000_000 + b"\n" + lines), "archive_invalid"),
    "no owner": (forged(lambda lines: lines.split(b"\n", 1)[1]), "archive_invalid"),
    "no newline at the end": (forged(lambda lines: lines + b"[1]"), "archive_damaged"),
    "not canonical": (forged(lambda lines: lines.replace(b'["k7",', b'["k7", ')), "archive_invalid"),
    "a number too large": (
        forged(lambda lines: lines.replace(b',null,1,"', b',null,99999999999999999999,"')),
        "archive_invalid",
    ),
    "an unknown kind": (forged(lambda lines: lines.replace(b'{"device":', b'{"devil":')), "archive_invalid"),
    "a name with a path": (told(parts=[{"name": "../../etc/passwd"}]), "archive_invalid"),
    "another version": (told(version=99), "archive_version"),
    "another format": (told(format="tar"), "archive_invalid"),
    "a manifest that is none": (
        lambda path: (path / "manifest.json").write_text("[" * 100_000) and None,
        "archive_invalid",
    ),
}


class TestHostileArchives:
    @pytest.mark.parametrize("case", CASES)
    def test_are_refused_and_leave_nothing(self, case: str, tmp_path: Path) -> None:
        harm, code = CASES[case]
        app = make_varied_app()
        export(app, tmp_path / "a")
        empty(app)
        harm(tmp_path / "a")
        with pytest.raises(MigrationError) as refused:
            restore(app, tmp_path / "a")
        assert refused.value.code == code
        assert not Owner.objects.filter(app=app).exists()
        assert set(ArchiveJob.objects.values_list("state", flat=True)) <= {"failed"}


class TestSealedArchives:
    def test_open_only_as_they_were_sealed(self, tmp_path: Path) -> None:
        app = make_varied_app()
        export(app, tmp_path / "a", encrypt=True)
        part = next((tmp_path / "a").glob("part-*"))
        assert part.name.endswith(".sealed")
        export(app, tmp_path / "plain")
        [head, *_] = [plain.read_bytes()[:10] for plain in (tmp_path / "plain").glob("part-*")]
        assert head.startswith(b"\x1f\x8b")
        assert head not in part.read_bytes()
        told(counts={"owners": 0})(tmp_path / "a")
        with pytest.raises(MigrationError) as refused:
            restore(make_app(), tmp_path / "a")
        assert refused.value.code == "archive_locked"

    def test_need_a_key_that_is_known(self, tmp_path: Path, settings: Any) -> None:
        app = make_varied_app()
        export(app, tmp_path / "a", encrypt=True)
        settings.SECRET_KEY = "another" * 10
        with pytest.raises(MigrationError) as refused:
            restore(app, tmp_path / "a")
        assert refused.value.code == "archive_locked"


class TestExports:
    def test_write_over_nothing(self, tmp_path: Path) -> None:
        app = make_varied_app()
        (tmp_path / "a").mkdir()
        with pytest.raises(MigrationError) as refused:
            export(app, tmp_path / "a")
        assert refused.value.code == "archive_in_the_way"

    def test_hold_only_what_was_asked_for(self, tmp_path: Path) -> None:
        app = make_varied_app()
        owner = Owner.objects.filter(app=app).earliest("created_at")
        manifest = export(app, tmp_path / "a", owners=[str(owner.id)])
        assert manifest.counts["owners"] == 1
        none = export(app, tmp_path / "b", collections=["nothing"])
        assert (none.counts["owners"], none.counts["records"], none.counts["conflicts"]) == (2, 0, 0)
