"""Pause, resume and cancel in every state: a legal move or a refusal, never half."""

import pytest

from migration.models import Chunk, MigrationRun, Rollback
from migration.orchestration import steering
from migration.states import RunState
from tests.factories.doors import Browser, account, make_tenant
from tests.factories.uploads import chunk_of, manifest_of, todos

pytestmark = pytest.mark.django_db
ENTRIES = todos(3)
MOVING = ("planned", "transferring", "verifying")
ALLOWED = {"pause": MOVING, "resume": (*MOVING, "failed"), "cancel": ("planned", "transferring", "cancelled")}
BECOMES = {
    ("resume", "failed"): "transferring",
    ("cancel", "planned"): "cancelled",
    ("cancel", "transferring"): "cancelled",
}


@pytest.fixture
def device() -> Browser:
    return account(make_tenant())


class TestEveryWishInEveryState:
    @pytest.mark.parametrize("state", RunState.values)
    @pytest.mark.parametrize("verb", ALLOWED)
    def test_is_granted_or_refused_whole(self, verb: str, state: str, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        MigrationRun.objects.update(state=state)
        before = MigrationRun.objects.values().get()
        answer = device.post(f"/runs/{run_id}/{verb}")
        if state in ALLOWED[verb]:
            assert (answer.status_code, answer.json()["state"]) == (200, BECOMES.get((verb, state), state))
        else:
            assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "wrong_state", state)
            assert MigrationRun.objects.values().get() == before

    @pytest.mark.parametrize("verb", ALLOWED)
    def test_twice_is_once(self, verb: str, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        first, second = (device.post(f"/runs/{run_id}/{verb}").json() for _ in range(2))
        assert {**first, "number": 0} == {**second, "number": 0}


class TestCancelling:
    def test_waits_for_a_worker_at_its_batch(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        device.put(run_id, chunk_of(ENTRIES))
        Chunk.objects.update(state="claimed")
        answer = device.post(f"/runs/{run_id}/cancel").json()
        assert (answer["state"], answer["cancelling"]) == ("transferring", True)
        assert device.put(run_id, chunk_of(todos(2))).json()["code"] == "wrong_state"


class TestResuming:
    def test_a_failed_run_opens_it_again_under_the_epoch_of_now(self, device: Browser) -> None:
        run_id = device.upload(ENTRIES)
        MigrationRun.objects.update(state="failed", failure_code="verification_failed", verify_rounds=3, epoch="1.0")
        answer = device.post(f"/runs/{run_id}/resume").json()
        assert (answer["state"], answer["sealed"], answer["verify_rounds"], answer["epoch"]) == (
            "transferring",
            False,
            0,
            "1.1",
        )
        assert device.put(run_id, chunk_of(ENTRIES, seq=9)).status_code == 201
        assert device.seal(run_id, manifest_of(ENTRIES)).status_code == 200

    def test_a_run_whose_rollback_failed_is_refused(self, device: Browser) -> None:
        run_id = device.create(ENTRIES).json()["id"]
        run = MigrationRun.objects.get()
        MigrationRun.objects.update(state="failed")
        Rollback.objects.create(
            owner_id=run.owner_id,
            scope="run",
            run=run,
            idempotency_key=run.id,
            to_revision=0,
            state="failed",
            actor="x",
        )
        assert device.post(f"/runs/{run_id}/resume").json()["code"] == "wrong_state"


def test_the_pausable_and_cancellable_states_are_those_above() -> None:
    assert {str(state) for state in steering.PAUSABLE} == set(MOVING)
    assert {str(state) for state in steering.CANCELLABLE} == {"planned", "transferring"}
