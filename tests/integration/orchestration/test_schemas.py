"""Schemas of collections: inferred from what is loaded, watched for drift, pinned, and held against entries."""

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from migration.config import FaultInjected
from migration.detection import SchemaSampler
from migration.errors import NotFound, SchemaInvalid, WrongState
from migration.models import (
    AuditLine,
    CollectionSchema,
    DriftNotice,
    MigrationRun,
    QuarantineEntry,
    RunEvent,
    SchemaSample,
)
from migration.orchestration import MigrationOrchestrator, erasing, schemas
from migration.orchestration.inferring import fold_samples
from tests.factories.held import values_of
from tests.factories.loads import make_app, make_device, make_owner
from tests.factories.samples import fold_all, load_notes, schema_of_notes
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary-4f2a"
STRICT = '{"type":"object","required":["title"],"properties":{"title":{"type":"string","maxLength":5}}}'


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture(autouse=True)
def settled_soon(settings: Any) -> None:
    settings.MIGRATION = {**settings.MIGRATION, "SCHEMA_SETTLED": "16"}


def notes(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"title": f"t{number}", "done": number % 2 == 0, **more} for number in range(count)]


def pin(run: MigrationRun, text: str = STRICT, **more: Any) -> CollectionSchema:
    return schemas.pin_schema(
        app_id=run.app_id, collection="note", text=text, at=timezone.now(), actor="admin:ada", **more
    )


def told(run: MigrationRun) -> list[tuple[str, str, int]]:
    return sorted(schema_of_notes(run).drift.values_list("kind", "path", "count"))


class TestInferring:
    def test_keeps_types_members_and_counts_of_what_was_loaded(self, worker: Worker) -> None:
        run = load_notes(worker, [*notes(10), {"title": None}])
        MigrationOrchestrator.sweep(at=timezone.now())
        kept = schema_of_notes(run)
        assert kept.sampled == 11
        assert kept.shape["members"]["title"]["types"] == {"string": 10, "null": 1}
        assert schemas.inferred(kept)["required"] == ["title"]
        assert schemas.inferred(kept)["properties"]["done"] == {"type": "boolean"}

    @pytest.mark.parametrize(
        ("value", "kind"),
        [("plain text", "string"), ('{"half":', "string"), ("12", "integer"), ("1e400", "number"),
         ("[" * 200 + "]" * 200, "string"),
         ('{"a":1,"a":"x"}', "object"), ("9" * 5_000, "number"), ('"\ud800"', "string")],
    )  # fmt: skip
    def test_gives_every_value_a_type(self, worker: Worker, value: str, kind: str) -> None:
        run = load_notes(worker, [value])
        fold_all()
        assert schemas.inferred(schema_of_notes(run))["type"] == kind
        assert DriftNotice.objects.count() == 0

    def test_keeps_no_value_and_no_secret(self, worker: Worker) -> None:
        card = "4111-1111-1111-1111"
        run = load_notes(worker, [{"title": CANARY}, CANARY, {"card_holder": card}])
        fold_all()
        kept = json.dumps([schema_of_notes(run).shape, *SchemaSample.objects.values_list("entries", flat=True)])
        assert CANARY not in kept
        assert "card_holder" not in kept

    def test_leaves_what_is_long_unread_and_of_a_dry_run_nothing(self, worker: Worker) -> None:
        load_notes(worker, ["x" * 9_000])
        load_notes(worker, notes(3), dry_run=True)
        assert SchemaSample.objects.count() == 0

    def test_takes_wide_objects_for_maps_whose_names_are_not_kept(self, worker: Worker) -> None:
        run = load_notes(worker, [{f"user-{n}@example.com": n for n in range(100)}])
        fold_all()
        assert schemas.inferred(schema_of_notes(run))["additionalProperties"] == {"type": "integer"}
        assert "example.com" not in json.dumps(schema_of_notes(run).shape)

    def test_looks_at_few_once_enough_was_seen(self, worker: Worker) -> None:
        device = make_device()
        load_notes(worker, notes(16), device=device)
        fold_all()
        before = SchemaSample.objects.count()
        load_notes(worker, notes(32 * 8), device=device, start=100)
        assert SchemaSample.objects.count() == before + 1

    def test_keeps_a_bounded_number_of_samples(self, worker: Worker, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "SCHEMA_SAMPLES": "3", "SCHEMA_SETTLED": "1000"}
        load_notes(worker, notes(80))
        fold_all()
        assert SchemaSample.objects.count() == 3


class TestFolding:
    def test_side_by_side_counts_each_sample_once(self, worker: Worker) -> None:
        run = load_notes(worker, notes(64))
        start = threading.Barrier(4)

        def fold() -> None:
            start.wait()
            fold_samples(at=timezone.now())
            connection.close()

        threads = [threading.Thread(target=fold) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        fold_all()
        assert schema_of_notes(run).sampled == 64

    def test_that_is_cut_off_has_not_happened(self, worker: Worker, armed: Any) -> None:
        run = load_notes(worker, notes(8))
        with armed("schemas.before_commit:1:raise"), pytest.raises(FaultInjected):
            fold_samples(at=timezone.now())
        assert not CollectionSchema.objects.exists()
        fold_all()
        assert schema_of_notes(run).sampled == 8

    def test_forgets_an_owner_whose_data_is_erased(self, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
        app = make_app()
        gone, stays = make_owner(app), make_owner(app)
        load_notes(worker, notes(16), device=make_device(stays))
        fold_all()
        monkeypatch.setattr("migration.orchestration.pipeline.SchemaSampler", lambda: SchemaSampler(thin=1))
        run = load_notes(worker, notes(8, **{CANARY: 1}), device=make_device(gone))
        fold_all()
        assert DriftNotice.objects.filter(path=f"/{CANARY}").exists()
        asked = erasing.request_erasure(owner_id=gone.id, actor="admin:ada", at=timezone.now())
        erasing.erase(asked.id, clock=timezone.now)
        assert not SchemaSample.objects.filter(owner_id=gone.id).exists()
        assert CANARY not in json.dumps(schema_of_notes(run).shape)
        assert not DriftNotice.objects.filter(path__contains=CANARY).exists()
        assert schema_of_notes(run).sampled == 16


class TestDrift:
    @pytest.fixture(autouse=True)
    def every_span(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Sample as in the spans that are looked at once enough is known."""
        monkeypatch.setattr("migration.orchestration.pipeline.SchemaSampler", lambda: SchemaSampler(thin=1))

    @pytest.fixture
    def known(self, worker: Worker) -> MigrationRun:
        run = load_notes(worker, notes(16))
        fold_all()
        assert told(run) == []
        return run

    def test_tells_new_members_changed_types_and_missing_members_with_counts(
        self, worker: Worker, known: MigrationRun
    ) -> None:
        new = [{"title": 1, "done": True}, {"title": "x", "done": True, "tags": []}, {"title": "x"}]
        run = load_notes(worker, new, device=known.device, start=100)
        fold_all()
        assert told(run) == [("changed_type", "/title", 1), ("missing_member", "/done", 1), ("new_member", "/tags", 1)]
        assert schema_of_notes(run).drift.get(kind="new_member").share == pytest.approx(1 / 3)
        line = RunEvent.objects.filter(run=run, kind="drift").first()
        assert line is not None
        assert line.data["collection"] == "note"

    def test_goes_on_counting_what_it_told_and_tells_it_once(self, worker: Worker, known: MigrationRun) -> None:
        for start in (100, 200):
            run = load_notes(worker, notes(8, tags=[]), device=known.device, start=start)
            fold_all()
        assert told(run) == [("new_member", "/tags", 16)]
        assert RunEvent.objects.filter(kind="drift").count() == 1

    def test_tells_a_large_share_of_misfits(self, worker: Worker, known: MigrationRun) -> None:
        load_notes(worker, [*notes(96), *[{"title": n} for n in range(8)]], device=known.device, start=100)
        fold_all()
        notice = DriftNotice.objects.get(kind="misfits")
        assert (notice.count, notice.looked_at) == (8, 104)

    def test_is_seen_and_dismissed(self, worker: Worker, known: MigrationRun) -> None:
        run = load_notes(worker, notes(8, tags=[]), device=known.device, start=100)
        fold_all()
        schemas.dismiss_drift(app_id=run.app_id, collection="note", at=timezone.now(), actor="admin:ada")
        assert told(run) == []
        assert AuditLine.objects.get(action="drift_dismissed").data["notices"] == 1


class TestPinning:
    def test_sends_misfits_to_quarantine_with_path_reason_and_version(self, worker: Worker) -> None:
        known = load_notes(worker, notes(4))
        pin(known)
        values = [{"title": "fine"}, {"title": CANARY}, {"done": True}, "text", {"title": 5}]
        run = load_notes(worker, values, device=known.device, start=100)
        refused = [
            (entry.code, entry.path, entry.detail) for entry in QuarantineEntry.objects.order_by("chunk_id", "ordinal")
        ]
        wants = "Version 1 of the schema of note wants "
        assert refused == [
            ("schema_mismatch", "/title", wants + "maxLength 5."),
            ("schema_mismatch", "", wants + 'the member "title".'),
            ("schema_mismatch", "", wants + "the type object."),
            ("schema_mismatch", "/title", wants + "the type string."),
        ]
        held = values_of(run.owner)
        assert "note:100" in held
        assert "note:101" not in held
        run.refresh_from_db()
        assert run.entries_quarantined == 4

    def test_names_the_newest_version_and_ends_with_the_pin(self, worker: Worker) -> None:
        known = load_notes(worker, notes(4))
        pin(known)
        pin(known, '{"type":"string"}')
        load_notes(worker, [{"title": "x"}], device=known.device, start=100)
        assert QuarantineEntry.objects.get().detail.startswith("Version 2 ")
        schemas.unpin_schema(app_id=known.app_id, collection="note", at=timezone.now(), actor="admin:ada")
        load_notes(worker, [{"title": "y"}], device=known.device, start=200)
        assert QuarantineEntry.objects.count() == 1
        actions = AuditLine.objects.order_by("id").values_list("action", flat=True)
        assert list(actions) == ["schema_pinned", "schema_pinned", "schema_unpinned"]

    @pytest.mark.parametrize("value", ['{"title":"\\ud800"}', '{"title":"a","title":"b"}', '{"title":"x","n":1e400}'])
    def test_judges_what_is_odd_without_stopping(self, worker: Worker, value: str) -> None:
        known = load_notes(worker, notes(1))
        pin(known, '{"type":"object","properties":{"n":{"type":"number"},"title":{"type":"string"}}}')
        load_notes(worker, [value], device=known.device, start=100)
        assert QuarantineEntry.objects.count() == 0

    def test_refuses_values_too_long_to_judge(self, worker: Worker, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "SCHEMA_JUDGED_BYTES": "50"}
        known = load_notes(worker, notes(1))
        pin(known, "{}")
        load_notes(worker, ["x" * 51], device=known.device, start=100)
        assert "no value of more than 50 characters" in QuarantineEntry.objects.get().detail

    def test_of_one_app_says_nothing_to_another(self, worker: Worker) -> None:
        pin(load_notes(worker, notes(1)), '{"type":"null"}')
        load_notes(worker, notes(1), device=make_device(), start=100)
        assert QuarantineEntry.objects.count() == 0

    def test_is_previewed_on_what_is_held(self, worker: Worker) -> None:
        run = load_notes(worker, [*notes(6), {"title": CANARY}, {"done": True}])
        fold_all()
        shown = schemas.preview_pin(schema=schema_of_notes(run), text=STRICT)
        assert (shown.looked_at, shown.refused) == (8, 2)
        assert sorted(shown.reasons) == [("", 'the member "title"', 1), ("/title", "maxLength 5", 1)]

    def test_of_the_inferred_schema_refuses_nothing_it_was_made_of(self, worker: Worker) -> None:
        run = load_notes(worker, [*notes(8), "text", "12", "[1,{}]"])
        fold_all()
        kept = schema_of_notes(run)
        assert schemas.preview_pin(schema=kept, text=schemas.inferred_text(kept)).refused == 0

    def test_refuses_a_bad_schema_and_a_version_that_was_overtaken(self, worker: Worker) -> None:
        run = load_notes(worker, notes(1))
        with pytest.raises(SchemaInvalid):
            pin(run, '{"$ref":"https://example.com/schema"}')
        assert not CollectionSchema.objects.exists()
        pin(run, over=0)
        with pytest.raises(WrongState):
            pin(run, over=0)
        with pytest.raises(NotFound):
            schemas.unpin_schema(app_id=run.app_id, collection="none", at=timezone.now(), actor="x")
