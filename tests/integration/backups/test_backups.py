"""A backup is what came, byte for byte, or it is refused before anything happens."""

import gzip
from base64 import urlsafe_b64encode
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone

from migration.config import encryption_keys
from migration.errors import BackupUnreadable, NotFound
from migration.extraction import open_payload
from migration.models import App, AppSecret, Backup, Chunk, MigrationRun
from migration.orchestration import retrieving
from migration.orchestration.tenancy import add_secret
from migration.values.digests import fingerprint, key_hash, set_digest, to_wire
from migration.values.envelopes import chunk_binding, seal, wrapper
from migration.values.lines import encode_line, literal
from tests.factories.loads import make_owner, put_chunk
from tests.factories.runs import completed_run, sealed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db

HARD = {
    "": "",
    "todo:\ud800": "\udfff\x00",
    "note:json": '{"a":1e400, "a":2}',
    "\n": "\n\r\u2028",
    "big": "x" * 300_000,
}


def lines_of(entries: dict[str, str | None]) -> list[bytes]:
    ordered = sorted(entries.items(), key=lambda entry: key_hash(literal(entry[0])))
    return [encode_line(key, value) for key, value in ordered]


def download(run: MigrationRun) -> tuple[list[bytes], bytes]:
    taken = retrieving.download_backup(owner_id=run.owner_id, backup_id=Backup.objects.get(run=run).id)
    with taken.file as file:
        return gzip.decompress(file.read()).splitlines(), taken.digest


def verify(run: MigrationRun) -> Any:
    backup = Backup.objects.get(run=run)
    return retrieving.verify_backup(owner_id=run.owner_id, backup_id=backup.id, at=timezone.now())


class TestADownload:
    def test_is_the_latest_line_of_each_key_byte_for_byte(self) -> None:
        entries: dict[str, str | None] = {**todos(300), **HARD, "gone": None}
        older: dict[str, str | None] = {"todo:7": "older", "gone": "was here"}
        run = sealed_run(entries, chunks=[older, entries])
        put_chunk(run, [("todo:8", "too late")], seq=0)
        lines, digest = download(run)
        assert lines == lines_of(entries)
        assert digest == set_digest(map(fingerprint, lines))

    def test_of_a_sealed_backup_has_the_digest_it_was_sealed_with(self, transactional_db: None) -> None:
        run = completed_run(Worker(), todos(20))
        assert to_wire(download(run)[1]) == run.statement["stored"]["digest"]

    def test_is_the_same_bytes_every_time(self) -> None:
        run = sealed_run(todos(50))
        identity = Backup.objects.get(run=run).id
        files = [retrieving.download_backup(owner_id=run.owner_id, backup_id=identity).file for _ in range(2)]
        first, second = [file.read() for file in files]
        for file in files:
            file.close()
        assert first == second

    def test_of_anothers_backup_is_not_found(self) -> None:
        run = sealed_run(todos(1))
        with pytest.raises(NotFound):
            retrieving.download_backup(owner_id=make_owner(run.app).id, backup_id=Backup.objects.get(run=run).id)


class TestACorruptBackup:
    def test_is_refused_whichever_byte_was_flipped(self) -> None:
        run = sealed_run(todos(400))
        chunk = Chunk.objects.get(run=run)
        sealed, key = bytes(chunk.sealed_payload), bytes(chunk.wrapped_key)
        accepted = []
        places = [("sealed_payload", sealed, at) for at in range(0, len(sealed), max(1, len(sealed) // 900))]
        places += [("wrapped_key", key, at) for at in range(len(key))]
        assert 1000 <= len(places) <= 2200
        for number, (column, whole, at) in enumerate(places):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << (number % 8)
            Chunk.objects.filter(id=chunk.id).update(**{column: bytes(damaged)})
            try:
                download(run)
                accepted.append((column, at))
            except BackupUnreadable:
                pass
            Chunk.objects.filter(id=chunk.id).update(**{column: whole})
        assert accepted == []
        assert download(run)[0] == lines_of(dict(todos(400)))

    @pytest.mark.parametrize(
        "moved", [{"seq": 2}, {"owner_id": uuid4()}, {"app_id": uuid4()}], ids=["seq", "owner", "app"]
    )
    def test_is_refused_when_a_chunk_was_moved(self, moved: dict[str, Any]) -> None:
        run = sealed_run(todos(4))
        Chunk.objects.filter(run=run).update(**moved)
        with pytest.raises(BackupUnreadable):
            download(run)
        assert [problem.code for problem in verify(run).problems] == ["backup_unreadable"]

    def test_is_refused_when_a_chunk_of_another_run_of_its_owner_was_put_into_it(self) -> None:
        run = sealed_run(todos(4))
        other = sealed_run(todos(2), device=run.device, seq=7)
        Chunk.objects.filter(run=other).update(run=run)
        with pytest.raises(BackupUnreadable):
            download(run)
        assert [problem.code for problem in verify(run).problems] == ["backup_unreadable"]

    def test_is_refused_when_two_chunks_were_swapped(self) -> None:
        run = sealed_run(todos(4), chunks=[todos(2), todos(2, first=2)])
        first, second = Chunk.objects.filter(run=run).order_by("id")
        Chunk.objects.filter(id=first.id).update(sealed_payload=bytes(second.sealed_payload))
        with pytest.raises(BackupUnreadable):
            download(run)

    def test_is_refused_when_a_chunk_of_a_sealed_one_is_gone(self, transactional_db: None) -> None:
        run = completed_run(Worker(), todos(4), chunks=[todos(2), todos(2, first=2)])
        Chunk.objects.filter(run=run).order_by("id")[0].delete()
        with pytest.raises(BackupUnreadable):
            download(run)
        assert [problem.code for problem in verify(run).problems] == ["digest_mismatch"]


class TestVerifying:
    def test_finds_a_sound_backup_sound_and_notes_when(self) -> None:
        run = sealed_run({**todos(10), **HARD})
        found = verify(run)
        assert (found.ok, found.entries, found.problems) == (True, 10 + len(HARD), ())
        assert Backup.objects.get(run=run).verified_at is not None

    def test_names_the_chunk_that_is_damaged_and_reads_the_rest(self) -> None:
        run = sealed_run(todos(4), chunks=[todos(2), todos(2, first=2)])
        chunk = Chunk.objects.filter(run=run).order_by("id")[0]
        Chunk.objects.filter(id=chunk.id).update(sealed_payload=bytes(chunk.sealed_payload)[:-1])
        found = verify(run)
        assert (found.ok, found.entries) == (False, 2)
        assert [(problem.code, problem.chunk) for problem in found.problems] == [("backup_unreadable", chunk.key)]

    @pytest.mark.parametrize(
        ("column", "code"),
        [
            ({"sha256": bytes(32)}, "backup_unreadable"),
            ({"entries": 3}, "entry_count"),
            ({"payload_bytes": 9}, "backup_unreadable"),
        ],
    )
    def test_holds_chunks_to_what_was_said_of_them(self, column: dict[str, Any], code: str) -> None:
        run = sealed_run(todos(4))
        Chunk.objects.filter(run=run).update(**column)
        assert [problem.code for problem in verify(run).problems] == [code]

    def test_holds_what_was_sealed_to_its_sum(self) -> None:
        run = sealed_run(todos(4))
        chunk = Chunk.objects.get(run=run)
        other = open_payload(chunk).replace(b"todo", b"tada")
        whose = {"app_id": chunk.app_id, "owner_id": chunk.owner_id, "run_id": run.id}
        binding = chunk_binding(**whose, seq=chunk.seq, sha256=chunk.sha256)
        sealed = seal(gzip.compress(other), bound_to=binding, keys=encryption_keys())
        Chunk.objects.filter(id=chunk.id).update(sealed_payload=sealed.sealed, wrapped_key=sealed.wrapped_key)
        assert [problem.code for problem in verify(run).problems] == ["checksum_mismatch"]


class TestRotation:
    def test_lets_the_old_key_go_and_every_byte_stay(self, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
        old, new = (urlsafe_b64encode(bytes([number] * 32)).decode() for number in (1, 2))
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": old}
        run = sealed_run(todos(10), chunks=[todos(5), todos(5, first=5)])
        secret = add_secret(app=App.objects.get(id=run.app_id), actor="test", at=timezone.now())
        sealed = list(Chunk.objects.order_by("id").values_list("sealed_payload", flat=True))
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": f"{new},{old}"}
        call_command("migration_keys", "rotate")
        assert "2 chunks, 1 secrets and 0 archives anew" in capsys.readouterr().out
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": new}
        assert download(run)[0] == lines_of(dict(todos(10)))
        assert list(Chunk.objects.order_by("id").values_list("sealed_payload", flat=True)) == sealed
        wrapped = bytes(AppSecret.objects.get().wrapped)
        assert wrapper([new]).decrypt(wrapped).decode() in str(secret)

    def test_passes_over_what_no_key_opens_and_says_so(self, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
        old, new, lost = (urlsafe_b64encode(bytes([number] * 32)).decode() for number in (1, 2, 3))
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": lost}
        sealed_run(todos(1))
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": old}
        run = sealed_run(todos(3))
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": f"{new},{old}"}
        with pytest.raises(CommandError, match="Keep the older keys"):
            call_command("migration_keys", "check")
        assert (
            "newest key: 0. Under older ones: 1. Under none of MIGRATION_ENCRYPTION_KEYS: 1" in capsys.readouterr().out
        )
        with pytest.raises(CommandError, match="Keep the older keys"):
            call_command("migration_keys", "rotate")
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": new}
        assert download(run)[0] == lines_of(dict(todos(3)))

    def test_again_finds_nothing_to_do_and_lets_the_older_keys_go(
        self, settings: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
        sealed_run(todos(1))
        call_command("migration_keys", "rotate")
        told = capsys.readouterr().out
        assert "0 chunks, 0 secrets and 0 archives anew" in told
        assert "older keys can go" in told


class TestAList:
    def test_names_an_owners_backups_newest_first_and_nobody_elses(self) -> None:
        first = sealed_run(todos(1))
        second = sealed_run(todos(1), device=first.device)
        sealed_run(todos(1))
        assert [one.run_id for one in retrieving.list_backups(owner_id=first.owner_id)] == [second.id, first.id]
