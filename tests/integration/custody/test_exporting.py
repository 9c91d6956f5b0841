"""Everything held of an owner goes into the archive, exactly, and nothing of anybody else."""

import gzip
import hashlib
import io
import json
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration import custody
from migration.models import AuditLine, Chunk
from migration.orchestration import exporting
from migration.orchestration.exporting import OMITTED
from tests.factories.canaries import Traced, traced_owner
from tests.factories.doors import account, make_tenant, owner_of
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)
ODD = {"": "", "\x00": "\x00", "\ud800": "\udfff", "__proto__": "[1e400,-0]", "é": "e\u0301", "x": '"x"'}


def archive_of(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def manifest_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    return dict(json.loads(archive.read("manifest.json")))


def exported(owner_id: Any) -> zipfile.ZipFile:
    with exporting.export_owner(owner_id=owner_id, actor="test", at=timezone.now()) as file:
        return archive_of(file.read())


@pytest.fixture
def traced() -> Traced:
    return traced_owner()


class TestTheArchive:
    def test_holds_every_entry_code_unit_for_code_unit(self) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        browser.upload(ODD)
        Worker().work_until_done()
        answer = browser.get("/owner/export")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
        archive = archive_of(b"".join(answer.streaming_content))
        lines = [json.loads(line)["line"] for line in archive.read("entries.ndjson").splitlines()]
        assert dict(json.loads(line) for line in lines) == ODD
        [backup] = [name for name in archive.namelist() if name.startswith("backups/")]
        assert dict(json.loads(line) for line in gzip.decompress(archive.read(backup)).splitlines()) == ODD

    def test_is_what_its_manifest_says(self, traced: Traced) -> None:
        archive = exported(traced.owner.id)
        manifest = manifest_of(archive)
        assert set(archive.namelist()) == {*manifest["files"], "manifest.json"}
        for name, told in manifest["files"].items():
            content = archive.read(name)
            assert hashlib.sha256(content).hexdigest() == told["sha256"]
            assert told.get("lines", content.count(b"\n")) == content.count(b"\n") or name.endswith(".gz")

    def test_has_a_file_for_every_table_with_rows_of_owners(self, traced: Traced) -> None:
        names = {table.name for table in custody.owned_tables()}
        listed = {
            name.removeprefix("tables/").removesuffix(".ndjson")
            for name in manifest_of(exported(traced.owner.id))["files"]
        }
        assert names - set(OMITTED) <= listed
        assert set(OMITTED) <= names

    def test_holds_each_word_the_tables_hold(self, traced: Traced) -> None:
        archive = exported(traced.owner.id)
        whole = b"\n".join(
            gzip.decompress(archive.read(name)) if name.endswith(".gz") else archive.read(name)
            for name in archive.namelist()
        )
        assert [
            word for word in traced.words if word.encode() not in whole and word.encode().hex().encode() not in whole
        ] == []

    def test_holds_nothing_of_others_and_no_key(self, traced: Traced) -> None:
        other = account(traced.tenant)
        other.upload({"todo:1": "somebody-elses-words"})
        Worker().work_until_done()
        archive = exported(traced.owner.id)
        whole = b"\n".join(archive.read(name) for name in archive.namelist())
        assert b"somebody-elses-words" not in whole
        assert b"wrapped_key" not in whole.replace(b"manifest", b"")
        assert str(owner_of(other, traced.tenant).id).encode() not in whole

    def test_says_which_backup_could_not_be_opened(self, traced: Traced) -> None:
        Chunk.objects.filter(owner_id=traced.owner.id).update(sealed_payload=b"damaged" * 9)
        manifest = manifest_of(exported(traced.owner.id))
        assert set(manifest["backups_closed"].values()) == {"backup_unreadable"}


class TestTheDoors:
    @pytest.fixture
    def desk(self) -> Client:
        client = Client()
        client.force_login(User.objects.create(username="ada", is_staff=True, is_superuser=True))
        return client

    def test_are_audited(self, desk: Client, traced: Traced) -> None:
        traced.first.get("/owner/export").close()
        answer: Any = desk.post(reverse("admin:migration_owner_export", args=[traced.owner.id]))
        with closing(answer):
            assert archive_of(b"".join(answer.streaming_content)).namelist()
        actors = AuditLine.objects.filter(action="owner_exported").values_list("actor", flat=True)
        assert set(actors) == {f"account:{traced.owner.id}", "admin:ada"}

    def test_in_the_admin_are_no_address_to_look_at(self, desk: Client, traced: Traced) -> None:
        assert desk.get(reverse("admin:migration_owner_export", args=[traced.owner.id])).status_code == 405

    def test_erase_only_once_the_id_was_typed(self, desk: Client, traced: Traced) -> None:
        there = reverse("admin:migration_owner_erase", args=[traced.owner.id])
        assert desk.get(there).status_code == 200
        assert desk.post(there, {"word": "erase"}).status_code == 422
        assert desk.post(there, {"word": str(traced.owner.id)[:8]}).status_code == 302
        assert traced.first.get("/runs").status_code == 410

    def test_of_the_terminal_write_a_file_and_never_over_one(self, traced: Traced, tmp_path: Path) -> None:
        out = tmp_path / "owner.zip"
        call_command("migration_owner", "export", str(traced.owner.id), out=out)
        assert archive_of(out.read_bytes()).namelist()
        with pytest.raises(FileExistsError):
            call_command("migration_owner", "export", str(traced.owner.id), out=out)

    def test_of_nobody_are_refused(self, tmp_path: Path) -> None:
        owner = "00000000-0000-4000-8000-000000000000"
        with pytest.raises(CommandError):
            call_command("migration_owner", "export", owner, out=tmp_path / "x.zip")

    def test_lead_nowhere_but_to_ones_own(self) -> None:
        tenant = make_tenant()
        mine, theirs = account(tenant), account(tenant)
        mine.upload(todos(2))
        theirs.upload({"todo:9": "theirs"})
        Worker().work_until_done()
        archive = archive_of(b"".join(mine.get("/owner/export").streaming_content))
        assert len(archive.read("entries.ndjson").splitlines()) == 2
