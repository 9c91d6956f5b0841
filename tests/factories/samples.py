"""Entries of a collection through the real loader, and folded."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from migration.models import CollectionSchema, Device, MigrationRun
from migration.orchestration.inferring import fold_samples
from tests.factories.loads import make_device, make_run, put_chunk
from tests.factories.workers import Worker

NOTES = ({"name": "note", "patterns": ["note:*"]},)


def load_notes(
    worker: Worker, values: Iterable[Any], *, device: Device | None = None, start: int = 0, **columns: Any
) -> MigrationRun:
    """Load `values` as entries `note:<number>` in chunks small enough that all of them are sampled; fold nothing."""
    run = make_run(device or make_device(), collections=NOTES, **columns)
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    for first in range(0, len(texts), 8):
        chunk = [(f"note:{start + first + place}", text) for place, text in enumerate(texts[first : first + 8])]
        put_chunk(run, chunk, seq=1 + first)
    worker.load_all()
    return run


def fold_all(at: datetime | None = None) -> None:
    """Fold until nothing waits."""
    while fold_samples(at=at or timezone.now()):
        pass


def schema_of_notes(run: MigrationRun) -> CollectionSchema:
    """Return what is kept of the run's collection `note`."""
    return CollectionSchema.objects.get(app_id=run.app_id, collection="note")
