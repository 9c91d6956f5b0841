"""What a batch must know of collections' schemas: which are pinned, and which need no more samples."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from migration.config import setting
from migration.errors import SchemaInvalid
from migration.models import CollectionSchema
from migration.validation import PinnedSchema, compile_schema

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One app's collections: those sampled often enough, and the pinned schemas by name."""

    settled: frozenset[str] = frozenset()
    pinned: dict[str, PinnedSchema] = field(default_factory=dict)


UNKNOWN = Knowledge()


def knowledge_of(app_ids: Iterable[UUID]) -> dict[UUID, Knowledge]:
    """Read what is known of these apps' collections: one query for a batch. Compiled schemas are remembered."""
    rows = CollectionSchema.objects.filter(app_id__in=list(app_ids))
    settled: dict[UUID, set[str]] = {}
    pinned: dict[UUID, dict[str, PinnedSchema]] = {}
    for app_id, name, sampled, version, text in rows.values_list(
        "app_id", "collection", "sampled", "version", "pinned"
    ):
        if sampled >= setting("SCHEMA_SETTLED"):
            settled.setdefault(app_id, set()).add(name)
        schema = _compiled(name, version, text) if text is not None else None
        if schema is not None:
            pinned.setdefault(app_id, {})[name] = schema
    return {
        app_id: Knowledge(frozenset(settled.get(app_id, ())), pinned.get(app_id, {}))
        for app_id in settled.keys() | pinned.keys()
    }


def _compiled(collection: str, version: int, text: str) -> PinnedSchema | None:
    """Compile a schema that was fine when it was pinned. Where limits were lowered since, loading goes on without."""
    try:
        return compile_schema(text, version=version)
    except SchemaInvalid as error:
        log.error("pinned_schema_unusable", collection=collection, version=version, reason=error.detail)  # noqa: TRY400
        return None
