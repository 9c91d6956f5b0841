"""From a browser's entries to a receipt and back, through the HTTP door with a worker in this process."""

import gzip
import json
from typing import Any
from uuid import uuid4

import jwt
import msgspec
import pytest
from django.utils import timezone

from migration.api import answers
from migration.lifecycle import enlist
from migration.orchestration import MigrationOrchestrator
from migration.values.digests import fingerprint, set_digest, to_wire
from migration.values.lines import encode_line
from tests.factories.doors import Browser, account, guest, make_tenant
from tests.factories.uploads import chunk_of, manifest_of, todos

pytestmark = pytest.mark.django_db(transaction=True)

ODD = {
    "": "",
    "\x00": "\x00",
    "\ud800": "\udfff\ud800",
    "__proto__": "[1e400,-0]",
    "todo:é": "e\u0301",
    "todo:😀": '"x"',
}
ENTRIES = {**todos(40), **ODD}


@pytest.fixture
def device() -> Browser:
    return account(make_tenant())


def work() -> None:
    MigrationOrchestrator.work_until_done(holder=enlist(), clock=timezone.now)


def held_to(shape: Any, answer: Any) -> Any:
    """Return an answer's body once it has exactly the described shape."""
    body = answer.json()
    msgspec.convert(body, shape)
    return body


class TestAMigration:
    def test_ends_with_a_receipt_that_anybody_can_check(self, device: Browser) -> None:
        run_id = device.upload(ENTRIES)
        waiting = device.get(f"/runs/{run_id}/receipt")
        assert waiting.status_code == 202
        held_to(answers.RunSnapshot, waiting)
        work()
        receipt = held_to(answers.Receipt, device.get(f"/runs/{run_id}/receipt?wait=5"))
        [key] = held_to(answers.KeySet, device.get("/keys"))["keys"]
        statement = jwt.decode(receipt["receipt"], jwt.PyJWK(key), algorithms=["EdDSA"])
        assert statement == receipt["statement"]
        marks = [fingerprint(encode_line(key, value)) for key, value in ENTRIES.items()]
        assert statement["stored"] == {"entries": len(ENTRIES), "digest": to_wire(set_digest(marks))}
        shown = held_to(answers.RunSnapshot, device.get(f"/runs/{run_id}"))
        assert (shown["state"], shown["percentage"]) == ("completed", 100)

    def test_takes_a_guest_three_requests(self) -> None:
        browser = guest(make_tenant())
        run_id = browser.create(ENTRIES, chunks=[chunk_of(ENTRIES).inline()], seal=True).json()["id"]
        work()
        assert browser.get(f"/runs/{run_id}/receipt?wait=10").status_code == 200

    def test_can_be_read_back_code_unit_for_code_unit(self, device: Browser) -> None:
        device.upload(ENTRIES)
        work()
        found: dict[str, str] = {}
        page: dict[str, Any] = {"until": 0, "more": True}
        while page["more"]:
            page = held_to(answers.ChangePage, device.get(f"/records?since={page['until']}&limit=7"))
            found.update(json.loads(row["line"]) for row in page["changes"])
        assert found == ENTRIES

    def test_leaves_a_backup_that_is_what_was_sent(self, device: Browser) -> None:
        device.upload(ENTRIES)
        work()
        [backup] = held_to(answers.BackupList, device.get("/backups"))["backups"]
        assert (backup["entries"], backup["state"]) == (len(ENTRIES), "sealed")
        checked = held_to(answers.BackupChecked, device.post(f"/backups/{backup['id']}/verify"))
        assert (checked["ok"], checked["digest"]) == (True, backup["digest"])
        download = device.get(f"/backups/{backup['id']}/download")
        lines = gzip.decompress(download.getvalue()).splitlines()
        assert sorted(lines) == sorted(encode_line(key, value) for key, value in ENTRIES.items())
        assert download.headers["Migration-Digest"] == backup["digest"]

    def test_that_lacks_something_says_what_and_is_repaired(self, device: Browser) -> None:
        manifest = manifest_of(ENTRIES)
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(todos(40)))
        device.seal(run_id, manifest)
        work()
        told = device.get(f"/runs/{run_id}/receipt?wait=10")
        assert (told.status_code, told.json()["state"], told.json()["sealed"]) == (202, "transferring", False)
        assert told.json()["mismatch"]
        listed = [{name: one[name] for name in ("name", "patterns", "buckets")} for one in manifest["collections"]]
        missing = held_to(answers.Differing, device.post(f"/runs/{run_id}/missing", {"collections": listed}))
        named = {bucket for buckets in missing["differing"].values() for bucket in buckets}
        assert named == {bucket for buckets in told.json()["mismatch"].values() for bucket in buckets}
        assert device.put(run_id, chunk_of(ODD, seq=2)).status_code == 201
        assert device.seal(run_id, manifest).json()["sealed"] is True
        work()
        assert device.get(f"/runs/{run_id}/receipt?wait=10").status_code == 200

    def test_can_go_back_and_forth(self, device: Browser) -> None:
        run_id = device.upload(ENTRIES)
        work()
        preview = held_to(answers.RollbackPreview, device.get(f"/runs/{run_id}/rollback"))
        assert (preview["can_rollback"], preview["reverted"]) == (True, len(ENTRIES))
        asked = device.post(f"/runs/{run_id}/rollback", {"idempotency_key": str(uuid4())})
        assert asked.status_code == 202
        work()
        done = held_to(answers.Rollback, device.get(f"/rollbacks/{asked.json()['id']}"))
        assert (done["state"], done["reverted"]) == ("done", len(ENTRIES))
        assert all(len(json.loads(row["line"])) == 1 for row in device.get("/records").json()["changes"])
        undone = device.post(f"/rollbacks/{done['id']}/undo", {"idempotency_key": str(uuid4())})
        assert undone.status_code == 202, undone.content
        work()
        changes = device.get("/records").json()["changes"]
        assert dict(json.loads(row["line"]) for row in changes) == ENTRIES

    def test_can_go_back_to_a_named_point(self, device: Browser) -> None:
        device.get("/runs")
        point = held_to(answers.Point, device.post("/rollback-points", {"name": "empty"}))
        device.upload(ENTRIES)
        work()
        points = held_to(answers.PointList, device.get("/rollback-points"))["points"]
        assert point in points
        preview = held_to(answers.RollbackPreview, device.get(f"/rollback-points/{point['id']}/rollback"))
        assert (preview["scope"], preview["reverted"]) == ("owner", len(ENTRIES))
        asked = device.post(f"/rollback-points/{point['id']}/rollback", {"idempotency_key": str(uuid4())})
        work()
        assert device.get(f"/rollbacks/{asked.json()['id']}").json()["state"] == "done"

    def test_of_nothing_new_stores_nothing_new(self, device: Browser) -> None:
        device.upload(ENTRIES)
        work()
        before = device.get("/records").json()["revision"]
        run_id = device.upload(ENTRIES)
        work()
        assert device.get(f"/runs/{run_id}").json()["entries"]["unchanged"] == len(ENTRIES)
        assert device.get("/records").json()["revision"] == before

    def test_in_two_devices_keeps_both_values(self) -> None:
        tenant = make_tenant(conflict_policy="AUTO_SKIP")
        first, second = account(tenant, "anna"), account(tenant, "anna")
        first.upload({"todo:1": '"mine"'})
        work()
        second.upload({"todo:1": '"yours"'})
        work()
        [conflict] = held_to(answers.ConflictList, second.get("/conflicts"))["conflicts"]
        assert (json.loads(conflict["key_json"]), conflict["winner"]) == ("todo:1", "server")

    def test_with_an_entry_too_large_quarantines_it_alone(self) -> None:
        browser = account(make_tenant(max_entry_bytes=1_000))
        browser.upload({**todos(5), "todo:large": "x" * 2_000})
        work()
        [refused] = held_to(answers.QuarantineList, browser.get("/quarantine"))["quarantine"]
        assert json.loads(refused["key_json"]) == "todo:large"
        assert len(browser.get("/records").json()["changes"]) == 5

    def test_has_a_report(self, device: Browser) -> None:
        run_id = device.upload(ENTRIES)
        work()
        report = device.get(f"/runs/{run_id}/report")
        assert report.json()["run"]["id"] == run_id
        assert "number 7" not in report.content.decode()


class TestSteering:
    def test_a_paused_run_loads_nothing_until_it_is_resumed(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(ENTRIES))
        assert held_to(answers.RunSnapshot, device.post(f"/runs/{run_id}/pause"))["paused"] is True
        work()
        assert device.get(f"/runs/{run_id}").json()["entries"]["processed"] == 0
        assert device.post(f"/runs/{run_id}/resume").json()["paused"] is False
        work()
        assert device.get(f"/runs/{run_id}").json()["entries"]["processed"] == len(ENTRIES)

    def test_a_cancelled_run_keeps_what_is_loaded_and_takes_no_more(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(todos(40)))
        work()
        assert device.post(f"/runs/{run_id}/cancel").json()["state"] == "cancelled"
        assert device.put(run_id, chunk_of(ODD)).json()["code"] == "wrong_state"
        assert len(device.get("/records").json()["changes"]) == 40
        assert device.get(f"/runs/{run_id}").json()["can_rollback"] is True

    def test_a_dry_run_goes_the_whole_way_and_writes_no_record(self, device: Browser) -> None:
        answer = device.create(ENTRIES, chunks=[chunk_of(ENTRIES).inline()], seal=True, dry_run=True)
        work()
        assert device.get(f"/runs/{answer.json()['id']}").json()["state"] == "completed"
        assert device.get("/records").json() == {**device.get("/records").json(), "changes": [], "revision": 0}
