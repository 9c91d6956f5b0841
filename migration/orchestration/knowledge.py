"""What a batch must know of collections' schemas: which are pinned, and which need no more samples."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from migration.asking import Rows, ask
from migration.config import setting
from migration.errors import SchemaInvalid
from migration.validation import PinnedSchema, compile_schema
from migration.values.questions import Question, Statement

log = structlog.get_logger(__name__)

_KNOWN = "SELECT app_id, collection, sampled, version, pinned FROM migration_collectionschema WHERE app_id"
_OF_APP = Statement(f"{_KNOWN} = %s::uuid")
_OF_RUNS = Statement(f"{_KNOWN} IN (SELECT r.app_id FROM migration_migrationrun r WHERE r.id = ANY(%s::uuid[]))")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One app's collections: those sampled often enough, and the pinned schemas by name."""

    settled: frozenset[str] = frozenset()
    pinned: dict[str, PinnedSchema] = field(default_factory=dict)


UNKNOWN = Knowledge()


def knowledge_of(app_id: UUID) -> Knowledge:
    """Read what is known of an app's collections. Compiled schemas are remembered."""
    return known(ask(_OF_APP.of([app_id]))).get(app_id, UNKNOWN)


def asking_knowledge(run_ids: Sequence[UUID]) -> Question:
    """Return the question for what is known of the apps of these runs; `known` reads the answer."""
    return _OF_RUNS.of([list(run_ids)])


def known(rows: Rows) -> dict[UUID, Knowledge]:
    """Read the answer to `asking_knowledge`; apps of which nothing is known are left out."""
    settled: dict[UUID, set[str]] = {}
    pinned: dict[UUID, dict[str, PinnedSchema]] = {}
    for app_id, name, sampled, version, text in rows:
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
