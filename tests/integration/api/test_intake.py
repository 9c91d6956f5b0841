"""Intake does once what is asked many times, in any order and at the same moment."""

import itertools
import random
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from migration.lifecycle import begin_verification_if_loaded
from migration.models import Backup, Chunk, Device, MigrationRun, Owner, RollbackPoint, RunEvent
from migration.states import RunState
from tests.factories.doors import Browser, account, at_once, make_tenant
from tests.factories.loads import at_stage
from tests.factories.uploads import chunk_of, manifest_of, todos

ENTRIES = todos(30)


@pytest.fixture
def device(db: None) -> Browser:
    return account(make_tenant())


def counters() -> tuple[int, int, int]:
    run = MigrationRun.objects.get()
    return run.chunks_received, run.entries_received, run.bytes_received


@pytest.mark.django_db
class TestCreating:
    def test_twice_is_once(self, device: Browser) -> None:
        body = {
            "id": str(uuid4()),
            "manifest": manifest_of(ENTRIES),
            "chunks": [chunk_of(ENTRIES).inline()],
            "seal": True,
        }
        first, second = device.post("/runs", body), device.post("/runs", body)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["id"] == second.json()["id"]
        assert counters()[:2] == (1, 30)

    def test_is_the_same_order_however_it_is_written(self, device: Browser) -> None:
        body = {"id": str(uuid4()), "manifest": manifest_of(ENTRIES)}
        assert device.post("/runs", body).status_code == 201
        spelled = {"seal": False, "dry_run": False, "chunks": [], "options": {}, **dict(reversed(body.items()))}
        assert device.post("/runs", spelled).status_code == 200

    @pytest.mark.parametrize(
        "change", [{"dry_run": True}, {"purpose": "backup"}, {"seal": True}, {"options": {"batchSize": 7}}]
    )
    def test_something_else_under_the_same_id_is_refused(self, change: dict[str, Any], device: Browser) -> None:
        body = {"id": str(uuid4()), "manifest": manifest_of(ENTRIES)}
        device.post("/runs", body)
        answer = device.post("/runs", {**body, **change})
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_mismatch")

    def test_takes_the_policy_asked_for_or_the_apps(self, device: Browser) -> None:
        device.create(options={"conflictResolution": "AUTO_SKIP"})
        device.create()
        assert set(MigrationRun.objects.values_list("conflict_policy", flat=True)) == {"AUTO_SKIP", "AUTO_MERGE"}

    def test_after_a_lost_answer_and_much_progress_still_answers(self, device: Browser) -> None:
        body = {"id": str(uuid4()), "manifest": manifest_of(ENTRIES)}
        device.post("/runs", body)
        MigrationRun.objects.update(state=RunState.COMPLETED)
        assert device.post("/runs", body).json()["state"] == "completed"


@pytest.mark.django_db
class TestChunks:
    def test_raise_the_runs_counters_and_start_it(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(ENTRIES))
        run = MigrationRun.objects.get()
        assert (run.state, counters()) == ("transferring", (1, 30, manifest_of(ENTRIES)["bytes"]))
        assert run.started_at is not None

    def test_are_the_bytes_as_received_but_not_in_the_clear(self, device: Browser) -> None:
        chunk = chunk_of(ENTRIES, encoding="identity")
        device.put(device.create(ENTRIES).json()["id"], chunk)
        sealed = bytes(Chunk.objects.get().sealed_payload)
        assert len(sealed) == len(chunk.body) + 12 + 16
        assert b"number" not in sealed

    @pytest.mark.parametrize("state", RunState.values)
    def test_again_are_acknowledged_in_every_state(self, state: str, device: Browser) -> None:
        run_id, chunk = device.create(ENTRIES).json()["id"], chunk_of(ENTRIES)
        first = device.put(run_id, chunk)
        MigrationRun.objects.update(state=state)
        again = device.put(run_id, chunk)
        assert (first.status_code, again.status_code, again.content) == (201, 200, first.content)
        assert counters()[0] == 1

    @pytest.mark.parametrize("state", sorted(set(RunState.values) - {"planned", "transferring"}))
    def test_new_ones_are_refused_once_the_run_has_moved_on(self, state: str, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        MigrationRun.objects.update(state=state)
        answer = device.put(run_id, chunk_of(ENTRIES)).json()
        if state == "expired":
            assert answer["code"] == "run_expired"
        else:
            assert (answer["code"], answer["state"]) == ("wrong_state", state)
        assert not Chunk.objects.exists()

    def test_under_one_id_with_two_payloads_are_refused(self, device: Browser) -> None:
        run_id, chunk = device.create(ENTRIES).json()["id"], chunk_of(ENTRIES)
        device.put(run_id, chunk)
        for other in (chunk_of(todos(29), id=chunk.id), chunk_of(ENTRIES, id=chunk.id, seq=2)):
            assert device.put(run_id, other).json()["code"] == "idempotency_mismatch"
        assert counters()[0] == 1

    def test_of_two_runs_may_share_an_id(self, device: Browser) -> None:
        chunk = chunk_of(ENTRIES)
        for _ in range(2):
            assert device.put(device.create(ENTRIES).json()["id"], chunk).status_code == 201

    def test_compressed_otherwise_are_the_same_chunk(self, device: Browser) -> None:
        run_id, chunk = device.create(ENTRIES).json()["id"], chunk_of(ENTRIES)
        device.put(run_id, chunk)
        assert device.put(run_id, chunk_of(ENTRIES, id=chunk.id, encoding="identity")).status_code == 200

    def test_in_every_order_come_to_the_same(self, device: Browser) -> None:
        chunks = [chunk_of(todos(6, first=first), seq=first) for first in range(0, 30, 6)]
        for order in random.Random(1).sample(list(itertools.permutations(chunks)), 12):
            run_id = device.create(ENTRIES).json()["id"]
            for chunk in order:
                device.put(run_id, chunk)
            shown = device.get(f"/runs/{run_id}").json()
            assert (shown["entries"]["received"], shown["chunks"]["received"]) == (30, 5)


@pytest.mark.django_db
class TestFences:
    def test_rise_with_the_leader_and_never_fall(self, device: Browser) -> None:
        for fence, status in ((5, 201), (5, 201), (7, 201), (6, 423), (7, 201)):
            device.extra["Migration-Fence"] = str(fence)
            assert device.create().status_code == status
        assert Device.objects.get().fence == 7

    def test_of_a_former_leader_stop_chunk_and_seal(self, device: Browser) -> None:
        device.extra["Migration-Fence"] = "2"
        run_id = device.create(ENTRIES).json()["id"]
        device.extra["Migration-Fence"] = "1"
        assert device.put(run_id, chunk_of(ENTRIES)).json()["code"] == "fence_superseded"
        assert device.seal(run_id, manifest_of(ENTRIES)).json()["code"] == "fence_superseded"
        assert MigrationRun.objects.get().upload_state == "open"


@pytest.mark.django_db
class TestSealing:
    def test_again_changes_nothing(self, device: Browser) -> None:
        run_id = device.upload(ENTRIES)
        events = RunEvent.objects.count()
        for state in ("transferring", "verifying", "completed"):
            MigrationRun.objects.update(state=state)
            assert device.seal(run_id, manifest_of(ENTRIES)).json()["state"] == state
        assert RunEvent.objects.count() == events

    def test_with_an_amendment_takes_the_new_manifest(self, device: Browser) -> None:
        run_id, more = device.create(ENTRIES).json()["id"], todos(31)
        assert device.seal(run_id, manifest_of(more, version=2)).json()["entries"]["total"] == 31
        assert MigrationRun.objects.get().manifest["version"] == 2

    @pytest.mark.parametrize(
        ("count", "version", "code"),
        [
            (30, 2, None),
            (31, 5, None),
            (31, 1, "manifest_shrinks"),
            (29, 2, "manifest_shrinks"),
            (29, 1, "manifest_shrinks"),
        ],
    )
    def test_lets_manifests_only_grow(self, count: int, version: int, code: str | None, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        assert device.seal(run_id, manifest_of(todos(count), version=version)).json().get("code") == code

    def test_refuses_a_version_gone_by(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(ENTRIES))
        device.seal(run_id, manifest_of(ENTRIES, version=3))
        assert device.seal(run_id, manifest_of(ENTRIES, version=2)).json()["code"] == "manifest_shrinks"

    @pytest.mark.parametrize("state", ["verifying", "completed", "failed", "cancelled", "rolling_back", "rolled_back"])
    def test_of_a_run_that_moved_on_is_refused(self, state: str, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        MigrationRun.objects.update(state=state)
        answer = device.seal(run_id, manifest_of(ENTRIES)).json()
        assert (answer["code"], answer["state"]) == ("wrong_state", state)

    def test_begins_verification_when_all_is_loaded_already(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(ENTRIES))
        Chunk.objects.update(state="loaded")
        assert device.seal(run_id, manifest_of(ENTRIES)).json()["state"] == "verifying"
        assert MigrationRun.objects.get().upload_state == "consumed"

    def test_waits_for_what_is_claimed(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(ENTRIES))
        Chunk.objects.update(state="claimed")
        assert device.seal(run_id, manifest_of(ENTRIES)).json()["state"] == "transferring"


@pytest.mark.django_db
class TestEpochs:
    def test_that_rose_stop_a_run_begun_under_an_older_one(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        MigrationRun.objects.update(epoch="1.0")  # before its owner was taken back
        for answer in (device.put(run_id, chunk_of(ENTRIES)), device.seal(run_id, manifest_of(ENTRIES))):
            assert (answer.status_code, answer.json()["code"]) == (409, "stale_epoch")
            assert answer.json()["config"]["epoch"] == "1.1"

    def test_of_the_owner_end_the_wait_for_a_receipt_that_cannot_come(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(ENTRIES))
        assert device.seal(run_id, manifest_of(ENTRIES)).status_code == 200
        assert device.get(f"/runs/{run_id}/receipt").status_code == 202
        Owner.objects.update(epoch=2)  # it was taken back
        refused = device.get(f"/runs/{run_id}/receipt")
        assert (refused.status_code, refused.json()["code"]) == (409, "stale_epoch")
        assert refused.json()["config"]["epoch"] == "1.2"

    def test_of_the_app_let_a_run_go_on_under_the_new_one(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        at_stage(MigrationRun.objects.get().app, "shadow")
        stale = device.put(run_id, chunk_of(ENTRIES), **{"Migration-Epoch": "1.1"})
        assert (stale.status_code, stale.json()["code"], stale.json()["config"]["epoch"]) == (409, "stale_epoch", "2.1")
        assert device.put(run_id, chunk_of(ENTRIES), **{"Migration-Epoch": "2.1"}).status_code == 201
        assert device.seal(run_id, manifest_of(ENTRIES)).status_code == 200

    def test_of_an_answer_are_those_that_hold_now(self, device: Browser) -> None:
        assert device.get("/runs", **{"Migration-Epoch": "1.1"}).headers["Migration-Epoch"] == "1.1"
        assert device.get("/runs/x").headers.get("Migration-Epoch") is None
        assert device.get(f"/runs/{uuid4()}").headers["Migration-Epoch"] == "1.1"

    def test_of_a_device_that_knows_only_the_apps_part_are_not_stale(self, device: Browser) -> None:
        assert device.get("/runs", **{"Migration-Epoch": "1.0"}).status_code == 200


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_thirty_two_equal_chunks_are_one(self) -> None:
        tenant = make_tenant()
        device, chunk = account(tenant), chunk_of(ENTRIES)
        run_id = device.create(ENTRIES).json()["id"]
        twins = [Browser(token=device.token, device=device.device) for _ in range(32)]
        answers = at_once(32, lambda number: twins[number].put(run_id, chunk))
        assert sorted(answer.status_code for answer in answers) == [200] * 31 + [201]
        assert len({answer.content for answer in answers}) == 1
        assert (Chunk.objects.count(), counters()[:2]) == (1, (1, 30))
        assert RunEvent.objects.count() == 1

    def test_eight_payloads_under_one_id_have_one_winner(self) -> None:
        device = account(make_tenant())
        run_id, chunk_id = device.create(ENTRIES).json()["id"], str(uuid4())
        chunks = [chunk_of(todos(10 + number), id=chunk_id) for number in range(8)]
        twins = [Browser(token=device.token, device=device.device) for _ in range(8)]
        codes = sorted(
            answer.status_code for answer in at_once(8, lambda number: twins[number].put(run_id, chunks[number]))
        )
        assert codes == [201] + [409] * 7
        assert Chunk.objects.count() == 1

    def test_sixteen_equal_creations_are_one(self) -> None:
        device = account(make_tenant())
        device.get("/runs")
        body = {
            "id": str(uuid4()),
            "manifest": manifest_of(ENTRIES),
            "chunks": [chunk_of(ENTRIES).inline()],
            "seal": True,
        }
        twins = [Browser(token=device.token, device=device.device) for _ in range(16)]
        answers = at_once(16, lambda number: twins[number].post("/runs", body))
        assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
        assert (MigrationRun.objects.count(), Backup.objects.count(), RollbackPoint.objects.count()) == (1, 1, 1)
        assert counters()[:2] == (1, 30)

    def test_many_chunks_and_a_seal_lose_no_count(self) -> None:
        device = account(make_tenant())
        run_id = device.create(ENTRIES).json()["id"]
        chunks = [chunk_of(todos(1, first=number), seq=number) for number in range(15)]
        twins = [Browser(token=device.token, device=device.device) for _ in range(16)]

        def act(number: int) -> int:
            if number == 15:
                return int(twins[number].seal(run_id, manifest_of(ENTRIES)).status_code)
            return int(twins[number].put(run_id, chunks[number]).status_code)

        codes = at_once(16, act)
        stored = Chunk.objects.count()
        assert counters()[:2] == (stored, stored)
        # A seal that came first may have begun verification, after which chunks are refused, never half stored.
        assert codes.count(201) == stored
        assert set(codes) <= {200, 201, 409}

    def test_seal_and_last_batch_never_both_miss(self) -> None:
        device = account(make_tenant())
        for _ in range(8):
            run_id = device.create(ENTRIES).json()["id"]
            device.put(run_id, chunk_of(ENTRIES))

            def act(number: int, run_id: str = run_id) -> None:
                if number:
                    device.seal(run_id, manifest_of(ENTRIES))
                else:
                    with transaction.atomic():
                        Chunk.objects.filter(run_id=run_id).update(state="loaded")
                        begin_verification_if_loaded(run_id, at=timezone.now())  # type: ignore[arg-type]

            at_once(2, act)
            assert MigrationRun.objects.get(id=run_id).state == "verifying"
