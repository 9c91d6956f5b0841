"""Refused entries tried again: judged by the rules of now, loaded as any entry, once, never over something newer."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from migration.errors import EditInvalid, IdempotencyMismatch, NothingToReplay
from migration.models import App, AuditLine, Device, MigrationRun, QuarantineEntry, Replay, RunEvent
from migration.orchestration import quarantine, replaying, rolling_back
from migration.orchestration.quarantine import Cause
from migration.orchestration.verification import verify_run
from migration.states import QuarantineState, RunState
from tests.factories.doors import at_once
from tests.factories.held import losers_of, values_of
from tests.factories.loads import make_app, make_device, make_owner
from tests.factories.runs import completed_run, loaded_run
from tests.factories.workers import Worker

TYPED = [{"name": "todo", "patterns": ["todo:*"], "type": "object"}]
GOOD = {"todo:1": '{"done":false}', "todo:2": '{"done":true}'}
SECRET = '{"k":"AKIA' + "Q3EGRZ7PLM2WXYTB" + '"}'
BAD = {"todo:8": "plain", "todo:9": '"text"'}


@pytest.fixture
def device(transactional_db: None) -> Device:
    """A device of an app whose todos must be objects."""
    return make_device(make_owner(make_app(collections=TYPED)))


def allow_anything(run: MigrationRun) -> None:
    """Take the rule back that refused the entries."""
    App.objects.filter(id=run.app_id).update(collections=[])


def cause_of(run: MigrationRun) -> Cause:
    return Cause.of(QuarantineEntry.objects.filter(run=run).order_by("id")[0])


def ask(order: Replay) -> Replay:
    return replaying.ask(order, idempotency_key=uuid4(), actor="test", at=timezone.now())


def states_of(run: MigrationRun) -> dict[str, str]:
    entries = QuarantineEntry.objects.filter(run=run)
    return {json.loads(bytes(entry.line))[0]: entry.state for entry in entries}


def counts_of(replay: Replay) -> tuple[int, int, int, int]:
    replay.refresh_from_db()
    return (replay.replayed, replay.refused, replay.unfit, replay.closed)


class TestAllAlike:
    def test_are_loaded_once_their_rule_is_gone(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        assert values_of(run.owner) == GOOD
        allow_anything(run)
        replay = ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert values_of(run.owner) == {**GOOD, **BAD}
        assert set(states_of(run).values()) == {QuarantineState.REPLAYED}
        assert (counts_of(replay), replay.state) == ((2, 0, 0, 0), Replay.State.DONE)

    def test_are_refused_again_while_it_holds(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        replay = ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert values_of(run.owner) == GOOD
        assert set(states_of(run).values()) == {QuarantineState.OPEN}
        assert counts_of(replay) == (0, 2, 0, 0)

    def test_are_told_of_in_the_timeline_and_the_audit_log_but_not_in_the_receipt(
        self, worker: Worker, device: Device
    ) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        allow_anything(run)
        before = MigrationRun.objects.values("receipt", "statement", "entries_quarantined").get(id=run.id)
        ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert MigrationRun.objects.values("receipt", "statement", "entries_quarantined").get(id=run.id) == before
        [told] = RunEvent.objects.filter(run=run, kind="replay").values_list("data", flat=True)
        assert (told["entries"], told["edited"], told["actor"]) == (2, False, "test")
        actions = AuditLine.objects.filter(app_id=run.app_id, actor="test").values_list("action", flat=True)
        assert list(actions.order_by("id")) == ["replay_requested", "replay_done"]

    def test_of_another_cause_or_app_stay_where_they_are(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        other = completed_run(worker, BAD, device=make_device(make_owner(make_app(collections=TYPED))))
        App.objects.update(collections=[])
        ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert set(states_of(other).values()) == {QuarantineState.OPEN}

    def test_that_are_refused_after_the_order_are_not_meant(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        order = replaying.cause_order(cause_of(run))
        later = completed_run(worker, {"todo:7": "late"}, device=device, seq=9)
        allow_anything(run)
        ask(order)
        worker.work_until_done()
        assert set(states_of(later).values()) == {QuarantineState.OPEN}

    def test_take_several_batches(self, worker: Worker, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(replaying, "BATCH", 3)
        bad = {f"todo:{number}": "plain" for number in range(10)}
        run = completed_run(worker, bad, device=device)
        allow_anything(run)
        replay = ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert (values_of(run.owner), counts_of(replay)) == (bad, (10, 0, 0, 0))

    def test_a_batch_is_bounded_by_bytes_too(
        self, worker: Worker, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replaying, "BATCH_BYTES", 40)
        run = completed_run(worker, {**BAD, "todo:7": "x" * 90}, device=device)
        trial = replaying.preview(replaying.cause_order(cause_of(run)), at=timezone.now())
        assert (len(trial.refused), trial.is_end) == (2, False)

    def test_when_there_is_none_cannot_be_asked_for(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, GOOD, device=device)
        with pytest.raises(NothingToReplay):
            replaying.cause_order(Cause(run.app_id, "type_mismatch", "todo", "value"))


class TestOnce:
    @pytest.fixture(autouse=True)
    def _ready(self, worker: Worker, device: Device) -> None:
        self.worker = worker
        self.run = completed_run(worker, {**GOOD, **BAD}, device=device)
        allow_anything(self.run)

    def test_an_order_under_one_key_is_one(self) -> None:
        key, at = uuid4(), timezone.now()
        orders = [replaying.cause_order(cause_of(self.run)) for _ in range(2)]
        first, second = (replaying.ask(one, idempotency_key=key, actor="test", at=at) for one in orders)
        assert first.id == second.id
        entry = QuarantineEntry.objects.filter(run=self.run).order_by("id")[0]
        with pytest.raises(IdempotencyMismatch):
            replaying.ask(replaying.entry_order(entry), idempotency_key=key, actor="test", at=at)

    def test_two_operators_at_the_same_time_replay_each_entry_once(self) -> None:
        replays = [ask(replaying.cause_order(cause_of(self.run))) for _ in range(4)]

        def execute(number: int) -> None:
            while replaying.execute_replay(replays[number].id, at=timezone.now()):
                pass

        at_once(4, execute)
        assert sum(counts_of(replay)[0] for replay in replays) == 2
        self.run.owner.refresh_from_db()
        assert self.run.owner.revision == 4
        assert {replay.state for replay in Replay.objects.all()} == {Replay.State.DONE}

    def test_a_batch_that_fails_has_not_happened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        replay = ask(replaying.cause_order(cause_of(self.run)))
        keep = replaying._keep

        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("as it happens")

        monkeypatch.setattr(replaying, "_keep", fail)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                replaying.execute_replay(replay.id, at=timezone.now())
        assert values_of(self.run.owner) == GOOD
        monkeypatch.setattr(replaying, "_keep", keep)
        self.worker.work_until_done()
        assert values_of(self.run.owner) == {**GOOD, **BAD}

    def test_what_always_fails_is_given_up_and_says_where(self, monkeypatch: pytest.MonkeyPatch) -> None:
        replay = ask(replaying.cause_order(cause_of(self.run)))
        monkeypatch.setattr(replaying, "_sort", lambda *_: 1 / 0)
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                replaying.execute_replay(replay.id, at=timezone.now())
        assert replaying.execute_replay(replay.id, at=timezone.now()) is None
        replay.refresh_from_db()
        first = QuarantineEntry.objects.filter(run=self.run).order_by("id")[0]
        assert (replay.state, str(first.id) in replay.failure) == (Replay.State.FAILED, True)

    def test_a_batch_that_failed_is_taken_one_by_one_so_that_only_the_culprit_stays(
        self, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        App.objects.update(collections=TYPED)
        bad = {f"todo:{number}": "plain" for number in range(10, 19)}
        run = completed_run(self.worker, bad, device=device, seq=20)
        allow_anything(run)
        replay = ask(replaying.cause_order(cause_of(run)))
        line_of = replaying._line

        def fail(entry: QuarantineEntry, order: Replay) -> Any:
            if b"todo:14" in bytes(entry.line):
                raise RuntimeError("as it happens")
            return line_of(entry, order)

        monkeypatch.setattr(replaying, "_line", fail)
        while Replay.objects.get(id=replay.id).state == Replay.State.REQUESTED:
            self.worker.work()
        replay.refresh_from_db()
        culprit = QuarantineEntry.objects.get(run=run, code="poison")
        assert b"todo:14" in bytes(culprit.line)
        assert str(culprit.id) in replay.failure
        # Those before it are done, and the next order does not stumble over it again.
        ask(replaying.cause_order(cause_of(run)))
        self.worker.work_until_done()
        assert {key for key, state in states_of(run).items() if state == "open"} == {"todo:14"}


class TestTwoDevices:
    def test_of_one_owner_meet_as_they_would_have_on_arrival(self, worker: Worker, device: Device) -> None:
        """Neither value vanishes: the policy decides and the loser is kept."""
        run = completed_run(worker, {"todo:8": "first"}, device=device)
        other = completed_run(worker, {"todo:8": "second"}, device=make_device(run.owner), seq=7)
        allow_anything(run)
        replay = ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert counts_of(replay) == (2, 0, 0, 0)
        assert values_of(run.owner) == {"todo:8": "second"}
        assert losers_of(run.owner) == [("todo:8", "first", "arriving")]
        assert set(states_of(other).values()) == {QuarantineState.REPLAYED}


class TestAnEdit:
    def entry(self, run: MigrationRun, key: str) -> QuarantineEntry:
        return next(one for one in QuarantineEntry.objects.filter(run=run) if json.loads(bytes(one.line))[0] == key)

    def test_is_loaded_under_the_same_key(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        replay = ask(replaying.entry_order(self.entry(run, "todo:8"), value='{"text":"plain"}'))
        worker.work_until_done()
        assert values_of(run.owner) == {**GOOD, "todo:8": '{"text":"plain"}'}
        assert states_of(run) == {"todo:8": QuarantineState.REPLAYED, "todo:9": QuarantineState.OPEN}
        assert self.entry(run, "todo:8").edited
        assert counts_of(replay) == (1, 0, 0, 0)

    def test_is_judged_too(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        ask(replaying.entry_order(self.entry(run, "todo:8"), value="still plain"))
        worker.work_until_done()
        assert states_of(run)["todo:8"] == QuarantineState.OPEN

    def test_survives_the_browsers_next_run_which_is_refused_again(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        ask(replaying.entry_order(self.entry(run, "todo:8"), value="{}"))
        worker.work_until_done()
        again = completed_run(worker, {**GOOD, **BAD}, device=device, seq=50)
        assert again.statement["quarantined"]["entries"] == 2
        assert values_of(run.owner) == {**GOOD, "todo:8": "{}"}

    def test_that_is_refused_leaves_the_reason_the_entry_came_with(
        self, worker: Worker, transactional_db: None
    ) -> None:
        app = make_app(max_entry_bytes=60, collections=TYPED)
        run = completed_run(worker, {"todo:1": '{"a":"' + "x" * 60 + '"}'}, device=make_device(make_owner(app)))
        ask(replaying.entry_order(self.entry(run, "todo:1"), value="short"))
        worker.work_until_done()
        assert self.entry(run, "todo:1").code == "entry_too_large"

    def test_cannot_bring_a_secret_or_turn_a_deletion_into_a_value(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        entry = self.entry(run, "todo:8")
        with pytest.raises(EditInvalid, match="secret"):
            replaying.entry_order(entry, value=SECRET)
        entry.line = b'["todo:8"]'
        with pytest.raises(EditInvalid, match="deletion"):
            replaying.entry_order(entry, value="{}")

    def test_gives_way_to_what_the_device_wrote_since(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        completed_run(worker, {"todo:8": '{"newer":1}'}, device=device, seq=50)
        replay = ask(replaying.entry_order(self.entry(run, "todo:8"), value='{"older":1}'))
        worker.work_until_done()
        assert values_of(run.owner)["todo:8"] == '{"newer":1}'
        assert counts_of(replay) == (1, 0, 0, 0)

    def test_is_rolled_back_with_its_run(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        ask(replaying.entry_order(self.entry(run, "todo:8"), value="{}"))
        worker.work_until_done()
        rolling_back.request_run_rollback(
            owner_id=run.owner_id, run_id=run.id, idempotency_key=uuid4(), actor="test", at=timezone.now()
        )
        worker.work_until_done()
        assert set(values_of(run.owner).values()) == {None}

    def test_is_made_to_all_alike_where_it_fits(self, worker: Worker, transactional_db: None) -> None:
        app = make_app(max_entry_bytes=60)
        long = '{"note":"' + "x" * 60 + '","id":%d}'
        run = completed_run(
            worker,
            {"todo:1": long % 1, "todo:2": long % 2, "todo:3": "y" * 80},
            device=make_device(make_owner(app)),
        )
        changes = replaying.changes_between(self.entry(run, "todo:1"), '{"note":"short","id":1}')
        replay = ask(replaying.cause_order(cause_of(run), changes=changes))
        worker.work_until_done()
        assert values_of(run.owner) == {"todo:1": '{"note":"short","id":1}', "todo:2": '{"note":"short","id":2}'}
        assert counts_of(replay) == (2, 0, 1, 0)

    @pytest.mark.parametrize("value", ["plain", '"text"', '{"a":1'])
    def test_that_is_no_change_within_an_object_is_for_one_entry_only(
        self, worker: Worker, device: Device, value: str
    ) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        with pytest.raises(EditInvalid):
            replaying.changes_between(self.entry(run, "todo:8"), value)


class TestClosedRuns:
    def test_take_nothing_once_rolled_back(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        allow_anything(run)
        MigrationRun.objects.filter(id=run.id).update(state=RunState.ROLLED_BACK)
        replay = ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert (values_of(run.owner), counts_of(replay)) == (GOOD, (0, 0, 0, 2))
        assert set(states_of(run).values()) == {QuarantineState.OPEN}

    def test_that_write_nothing_take_nothing(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device, dry_run=True)
        allow_anything(run)
        replay = ask(replaying.cause_order(cause_of(run)))
        worker.work_until_done()
        assert (values_of(run.owner), counts_of(replay)) == ({}, (0, 0, 0, 2))


class TestBeforeTheReceipt:
    def test_a_replay_leaves_verification_what_it_looks_for(self, worker: Worker, device: Device) -> None:
        run = loaded_run(worker, {**GOOD, **BAD}, device=device)
        ask(replaying.entry_order(QuarantineEntry.objects.filter(run=run).order_by("id")[0], value="{}"))
        [replay] = Replay.objects.all()
        replaying.execute_replay(replay.id, at=timezone.now())
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"


class TestPreview:
    def test_says_what_a_replay_would_do_and_does_nothing(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        allow_anything(run)
        trial = replaying.preview(replaying.cause_order(cause_of(run)), at=timezone.now())
        assert (len(trial.replayed), dict(trial.outcomes)["stored"]) == (2, 2)
        assert values_of(run.owner) == GOOD
        assert set(states_of(run).values()) == {QuarantineState.OPEN}


class TestGivingUp:
    def test_is_kept_and_can_be_taken_back(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        entries, given = QuarantineEntry.objects.filter(run=run), {"app_id": run.app_id, "actor": "test"}
        assert quarantine.discard(entries, at=timezone.now(), **given) == 2
        assert quarantine.discard(entries, at=timezone.now(), **given) == 0
        with pytest.raises(NothingToReplay):
            replaying.entry_order(entries.order_by("id")[0])
        assert quarantine.reopen(entries, at=timezone.now(), **given) == 2
        assert set(states_of(run).values()) == {QuarantineState.OPEN}

    def test_of_another_apps_entries_does_nothing(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        entries = QuarantineEntry.objects.filter(run=run)
        assert quarantine.discard(entries, app_id=make_app().id, actor="test", at=timezone.now()) == 0


class TestExport:
    ODD = {"todo:\x00": "\x00", "todo:\ud800": "\udfff", "todo:</script>": "<b>é😀</b>\n"}

    def test_hands_out_every_line_verbatim(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **self.ODD}, device=device)
        told = [json.loads(line) for line in self.exported(run)]
        assert {json.loads(one["line"])[0]: json.loads(one["line"])[1] for one in told} == self.ODD
        assert {one["code"] for one in told} == {"type_mismatch"}

    def test_is_whole_whatever_the_pages_it_is_read_in(
        self, worker: Worker, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quarantine, "_PAGE", 2)
        monkeypatch.setattr(quarantine, "_SHORT", 30)
        sent = {f"todo:{number}": "y" * number * 10 for number in range(7)}
        run = completed_run(worker, sent, device=device)
        told = [json.loads(json.loads(line)["line"]) for line in self.exported(run)]
        assert [tuple(one) for one in told] == list(sent.items())

    def test_is_audited(self, worker: Worker, device: Device) -> None:
        run = completed_run(worker, {**GOOD, **BAD}, device=device)
        list(self.exported(run))
        [line] = AuditLine.objects.filter(action="quarantine_exported")
        assert (line.actor, line.data) == ("test", {"entries": 2})

    def exported(self, run: MigrationRun) -> Iterator[bytes]:
        app_id: UUID = run.app_id
        entries = QuarantineEntry.objects.filter(run=run)
        return quarantine.export(entries, app_id=app_id, actor="test", at=timezone.now())
