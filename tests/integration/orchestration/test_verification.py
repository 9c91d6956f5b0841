"""A receipt comes only when every claimed entry is found again in the bytes that are stored."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from migration.config import FaultInjected
from migration.cutover import devices_with_receipt
from migration.errors import NotMigrated
from migration.models import Backup, Chunk, Conflict, MigrationRun, QuarantineEntry, Record, RecordVersion, RunEvent
from migration.orchestration import receipts
from migration.orchestration.verification import missing, verify_run
from migration.values.digests import bucket_of, fingerprint, key_hash, set_digest, to_wire
from migration.values.lines import encode_line, literal
from tests.factories.loads import make_app, make_device, make_owner, put_chunk
from tests.factories.runs import completed_run, loaded_run, seal, sealed_run
from tests.factories.uploads import manifest_of, todos
from tests.factories.workers import Worker

HARD = {
    "": "",
    "todo:\ud800": "\udfff\ud800",
    "todo:\x00": "a\x00b",
    "note:json": '{"a":1,"a":2,"n":1e400,"z":-0}',
    "note:escape": '{"cut":"\\ud83d","nul":"\\u0000"}',
    "note:spaced": ' \t{"a" : [1 ,2]}\n',
    "hello": "hello",
    "hello-quoted": '"hello"',
    "__proto__": "x",
    'a","b': '\\"',
    "ends with \\": '","',
    ",": "[",
    "\u2028\u2029\x7f\ufeff": "é é \U0001f600",
}


def digest_of(entries: dict[str, str | None]) -> str:
    return to_wire(set_digest(fingerprint(encode_line(key, value)) for key, value in entries.items()))


def bucket(key: str) -> str:
    return bucket_of(key_hash(literal(key)))


class TestAReceipt:
    def test_states_what_is_stored(self, worker: Worker) -> None:
        entries = {**todos(40), **HARD}
        run = completed_run(worker, entries)
        assert run.state == "completed"
        assert receipts.check(run.receipt) == run.statement
        assert run.statement["stored"] == {"entries": len(entries), "digest": digest_of(entries)}
        empty = {"entries": 0, "digest": digest_of({})}
        assert [run.statement[place] for place in ("conflict", "quarantined", "withheld")] == [empty] * 3
        assert run.statement["revision"] == len(entries)
        assert run.statement["purpose"] == "migrate"

    def test_counts_a_deletion_as_stored(self, worker: Worker) -> None:
        entries: dict[str, str | None] = {"todo:1": "a", "todo:gone": None}
        run = completed_run(worker, entries, chunks=[{"todo:1": "b", "todo:gone": "x"}, entries])
        assert run.statement["stored"] == {"entries": 2, "digest": digest_of(entries)}

    def test_is_given_to_an_empty_browser(self, worker: Worker) -> None:
        run = sealed_run({}, chunks=[], state="verifying", upload_state="consumed")
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"

    def test_takes_the_latest_line_of_a_key_by_sequence_whatever_came_first(self, worker: Worker) -> None:
        run = sealed_run({"todo:1": "new"}, chunks=[])
        put_chunk(run, [("todo:1", "new")], seq=9)
        put_chunk(run, [("todo:1", "old")], seq=2)
        worker.load_all()
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"

    def test_counts_what_another_device_has_overwritten_as_stored_in_history(self, worker: Worker) -> None:
        device = make_device()
        run = loaded_run(worker, {"todo:1": "mine"}, device=device, conflict_policy="AUTO_OVERWRITE")
        other = make_device(device.owner)
        completed_run(worker, {"todo:1": "theirs"}, device=other, conflict_policy="AUTO_OVERWRITE")
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"
        run.refresh_from_db()
        assert run.statement["stored"]["entries"] == 1

    def test_counts_the_loser_of_a_conflict_apart(self, worker: Worker) -> None:
        device = make_device()
        completed_run(worker, {"todo:1": "theirs", "todo:2": "same"}, device=device)
        other = make_device(device.owner)
        run = completed_run(worker, {"todo:1": "mine", "todo:2": "same"}, device=other, conflict_policy="AUTO_SKIP")
        assert run.statement["stored"] == {"entries": 1, "digest": digest_of({"todo:2": "same"})}
        assert run.statement["conflict"] == {"entries": 1, "digest": digest_of({"todo:1": "mine"})}

    def test_counts_a_refused_entry_apart(self, worker: Worker) -> None:
        device = make_device(make_owner(make_app(max_entry_bytes=50)))
        run = completed_run(worker, {"todo:1": "short", "todo:2": "long" * 50}, device=device)
        assert run.statement["quarantined"] == {"entries": 1, "digest": digest_of({"todo:2": "long" * 50})}
        assert run.statement["stored"]["entries"] == 1

    def test_repeats_what_the_manifest_says_is_withheld(self, worker: Worker) -> None:
        manifest = manifest_of({"todo:1": "a"})
        manifest["withheld"] = {"count": 3, "digest": digest_of({"x": "y"}), "rules": {"jwt": 3}}
        run = sealed_run({"todo:1": "a"})
        seal(run, manifest)
        worker.load_all()
        verify_run(run.id, at=timezone.now())
        run.refresh_from_db()
        assert run.statement["withheld"] == {"entries": 3, "digest": digest_of({"x": "y"})}

    def test_seals_the_backup_with_its_digest(self, worker: Worker) -> None:
        entries = todos(10)
        run = completed_run(worker, entries, chunks=[{"todo:1": "older"}, entries])
        backup = Backup.objects.get(run=run)
        assert (backup.state, backup.entries, to_wire(bytes(backup.digest or b""))) == (
            "sealed",
            10,
            digest_of(entries),
        )

    @pytest.mark.parametrize(
        ("columns", "purpose"), [({"purpose": "backup"}, "backup"), ({"dry_run": True}, "dry_run")]
    )
    def test_of_a_run_that_writes_no_record_says_so(
        self, worker: Worker, columns: dict[str, Any], purpose: str
    ) -> None:
        run = completed_run(worker, todos(5), **columns)
        assert run.statement["purpose"] == purpose
        assert run.statement["stored"]["entries"] == 5
        assert not Record.objects.exists()

    def test_is_not_made_for_a_run_that_does_not_wait_for_it(self, worker: Worker) -> None:
        run = sealed_run(todos(3))
        assert verify_run(run.id, at=timezone.now()).outcome == "moved_on"
        run.refresh_from_db()
        assert (run.state, run.receipt) == ("transferring", "")

    def test_is_not_there_when_the_process_dies_before_the_commit(self, worker: Worker, armed: Any) -> None:
        run = loaded_run(worker, todos(3))
        with armed("verify.before_commit:1:raise"), pytest.raises(FaultInjected):
            verify_run(run.id, at=timezone.now())
        run.refresh_from_db()
        assert (run.state, run.receipt) == ("verifying", "")
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"


def _execute(sql: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        assert cursor.rowcount == 1, "the test damaged nothing"


DAMAGE = {
    "a record is gone": "DELETE FROM migration_record WHERE key_json = %s",
    "a value was changed": "UPDATE migration_record SET value = '\"other\"' WHERE key_json = %s",
    "one character was changed": """
        UPDATE migration_record SET value = replace(value::text, '3', '4')::json WHERE key_json = %s""",
    "the form was changed": "UPDATE migration_record SET form = 2, value = '\"x\"' WHERE key_json = %s",
    "the value became a tombstone": "UPDATE migration_record SET value = NULL WHERE key_json = %s",
    "white space crept in": "UPDATE migration_record SET value = (value::text || ' ')::json WHERE key_json = %s",
    "another namespace has it": "UPDATE migration_record SET namespace = 'other' WHERE key_json = %s",
    "another owner has it": "UPDATE migration_record SET owner_id = gen_random_uuid() WHERE key_json = %s",
}


class TestDamage:
    @pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
    def test_is_found_in_its_bucket_and_repaired_by_resending(self, worker: Worker, damage: str) -> None:
        entries = todos(30)
        run = loaded_run(worker, entries)
        _execute(damage, '"todo:13"')
        verdict = verify_run(run.id, at=timezone.now())
        assert (verdict.outcome, dict(verdict.mismatch)) == ("repair", {"todo": [bucket("todo:13")]})
        run.refresh_from_db()
        assert (run.state, run.upload_state, run.verify_rounds) == ("transferring", "open", 1)
        assert run.mismatch == {"todo": [bucket("todo:13")]}
        lacking = missing(run, run.manifest["collections"])
        assert all(key != '"todo:13"' for key, _ in lacking["todo"][bucket("todo:13")])
        put_chunk(run, [("todo:13", entries["todo:13"])], seq=50)
        seal(run, run.manifest)
        worker.load_all()
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"
        run.refresh_from_db()
        assert (run.mismatch, run.statement["stored"]["digest"]) == (None, digest_of(dict(entries)))

    def test_of_history_is_found(self, worker: Worker) -> None:
        device = make_device()
        run = loaded_run(worker, {"todo:1": "mine"}, device=device, conflict_policy="AUTO_OVERWRITE")
        other = make_device(device.owner)
        completed_run(worker, {"todo:1": "theirs"}, device=other, conflict_policy="AUTO_OVERWRITE")
        Conflict.objects.all().delete()
        assert RecordVersion.objects.all().delete()[0] == 1
        assert verify_run(run.id, at=timezone.now()).outcome == "repair"

    def test_of_a_conflicts_loser_is_found(self, worker: Worker) -> None:
        device = make_device()
        completed_run(worker, {"todo:1": "theirs"}, device=device)
        run = loaded_run(worker, {"todo:1": "mine"}, device=make_device(device.owner), conflict_policy="AUTO_SKIP")
        _execute("UPDATE migration_conflict SET loser_value = '\"changed\"'")
        assert verify_run(run.id, at=timezone.now()).outcome == "repair"

    def test_of_a_quarantined_line_is_found(self, worker: Worker) -> None:
        device = make_device(make_owner(make_app(max_entry_bytes=50)))
        run = loaded_run(worker, {"todo:2": "long" * 50}, device=device)
        QuarantineEntry.objects.update(line=b'["todo:2","changed"]')
        assert verify_run(run.id, at=timezone.now()).outcome == "repair"

    def test_of_a_stored_hash_alone_raises_no_alarm(self, worker: Worker) -> None:
        run = loaded_run(worker, todos(5))
        Record.objects.update(fingerprint=bytes(32))
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"

    def test_of_a_chunk_is_found_and_repaired_by_resending(self, worker: Worker) -> None:
        entries = todos(20)
        run = loaded_run(worker, entries)
        chunk = Chunk.objects.get(run=run)
        damaged = bytearray(chunk.sealed_payload)
        damaged[len(damaged) // 2] ^= 1
        Chunk.objects.filter(id=chunk.id).update(sealed_payload=bytes(damaged))
        verdict = verify_run(run.id, at=timezone.now())
        assert (verdict.outcome, verdict.unreadable) == ("repair", [chunk.key])
        run.refresh_from_db()
        lacking = missing(run, run.manifest["collections"])
        assert {name for name, held in lacking["todo"].items() if not held} == {bucket(key) for key in entries}
        put_chunk(run, entries.items(), seq=50)
        seal(run, run.manifest)
        worker.load_all()
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"

    @pytest.mark.parametrize("count", [1, 2, 7, 34, 100])
    def test_is_found_in_every_bucket_it_was_done_to(self, worker: Worker, count: int) -> None:
        """Nothing is cut over meanwhile: the device has no receipt until it is repaired."""
        entries = todos(100)
        run = loaded_run(worker, entries)
        hit = [f"todo:{number}" for number in range(count)]
        Record.objects.filter(key_json__in=[f'"{key}"' for key in hit]).delete()
        verdict = verify_run(run.id, at=timezone.now())
        assert set(verdict.mismatch["todo"]) == {bucket(key) for key in hit}
        assert devices_with_receipt([run.device_id]) == set()
        put_chunk(run, [(key, entries[key]) for key in hit], seq=2)
        seal(run, run.manifest)
        worker.load_all()
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"
        assert devices_with_receipt([run.device_id]) == {run.device_id}


class TestAManifestThatNamesMoreThanCame:
    def test_is_a_mismatch_until_the_rest_is_sent(self, worker: Worker) -> None:
        entries = {**todos(20), "note:9": "late", "other": "x"}
        run = sealed_run(entries, chunks=[todos(20)])
        worker.load_all()
        verdict = verify_run(run.id, at=timezone.now())
        assert dict(verdict.mismatch) == {"note": [bucket("note:9")], "default": [bucket("other")]}
        run.refresh_from_db()
        expected = {"note": {bucket("note:9"): []}, "default": {bucket("other"): []}}
        assert missing(run, run.manifest["collections"]) == expected
        put_chunk(run, [("note:9", "late"), ("other", "x")], seq=30)
        seal(run, run.manifest)
        worker.load_all()
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"

    def test_fails_the_run_when_its_rounds_are_used_up(self, worker: Worker) -> None:
        run = sealed_run(todos(3), chunks=[todos(2)])
        outcomes = []
        for _ in range(3):
            worker.load_all()
            MigrationRun.objects.filter(id=run.id).update(state="verifying", upload_state="consumed")
            outcomes.append(verify_run(run.id, at=timezone.now()).outcome)
        run.refresh_from_db()
        assert outcomes == ["repair", "repair", "failed"]
        assert (run.state, run.failure_code, run.verify_rounds) == ("failed", "verification_failed", 3)
        assert run.errors[-1]["code"] == "verification_failed"

    @pytest.mark.parametrize(("wish", "state"), [("offer", "failed"), ("rollback", "rolling_back")])
    def test_ends_at_once_when_the_run_asked_for_no_repair(self, worker: Worker, wish: str, state: str) -> None:
        run = loaded_run(worker, todos(3), options={"onValidationFailure": wish})
        Record.objects.filter(key_json='"todo:1"').delete()
        assert verify_run(run.id, at=timezone.now()).outcome == "failed"
        run.refresh_from_db()
        assert run.state == state

    def test_names_buckets_that_came_but_were_not_announced(self, worker: Worker) -> None:
        run = sealed_run(todos(3), chunks=[todos(4)])
        worker.load_all()
        assert dict(verify_run(run.id, at=timezone.now()).mismatch) == {"todo": [bucket("todo:3")]}


class TestMissing:
    def test_finds_nothing_where_the_digests_agree_even_before_loading(self, worker: Worker) -> None:
        run = sealed_run({**todos(20), **HARD})
        assert missing(run, run.manifest["collections"]) == {}

    def test_gives_what_is_here_of_a_bucket_that_differs(self, worker: Worker) -> None:
        run = sealed_run({"todo:1": "new"}, chunks=[{"todo:1": "old"}])
        line = to_wire(fingerprint(encode_line("todo:1", "old")))
        expected = {"todo": {bucket("todo:1"): [['"todo:1"', line]]}}
        assert missing(run, run.manifest["collections"]) == expected

    def test_labels_by_the_patterns_of_the_question(self, worker: Worker) -> None:
        run = sealed_run({"todo:1": "a"})
        asked = [{"name": "all", "patterns": ["*"], "buckets": run.manifest["collections"][0]["buckets"]}]
        assert missing(run, asked) == {}

    def test_takes_a_collection_called_default_for_the_keys_nothing_claims(self, worker: Worker) -> None:
        asked = [
            {"name": "default", "patterns": ["x*"], "buckets": {}},
            {"name": "todo", "patterns": [], "buckets": {}},
        ]
        run = sealed_run({"x1": "a", "y1": "b"})
        assert {name: set(found) for name, found in missing(run, asked).items()} == {
            "default": {bucket("x1"), bucket("y1")}
        }


class TestSoundRuns:
    def test_raise_no_false_alarm_in_a_hundred_verifications(self, worker: Worker) -> None:
        runs = [sealed_run({**todos(3, first=number), **HARD}) for number in range(100)]
        worker.load_all()
        assert {verify_run(run.id, at=timezone.now()).outcome for run in runs} == {"completed"}

    def test_tell_how_it_ended_in_their_timeline(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        last = RunEvent.objects.filter(run=run, kind="state").order_by("number").last()
        assert last is not None
        assert (last.data["to"], last.data["stored"]) == ("completed", 2)


class TestACheckOfReceipts:
    def test_refuses_what_was_signed_for_something_else(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        head, body, signature = run.receipt.split(".")
        for forged in (f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}A.{signature}", "", "a.b.c"):
            with pytest.raises(NotMigrated):
                receipts.check(forged)
