"""Who wins ties of AUTO_MERGE when runs are loaded: as the stage of each run's device says (semantics 6)."""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from migration import cutover
from migration.asking import Rows
from migration.models import App
from migration.values.questions import Question, Statement

Ties = dict[str, bool]

_READING = Statement(f"""
SELECT a.id, a.salt, a.panic FROM migration_app a
WHERE a.id IN (SELECT r.app_id FROM migration_migrationrun r WHERE r.id = ANY(%s::uuid[])) AND EXISTS (
    SELECT FROM migration_collectionstage s
    WHERE s.app_id = a.id AND s.stage IN ({", ".join(f"'{stage}'" for stage in sorted(cutover.READS_SERVER))}))
""")


class Concerned(Protocol):
    """What is asked of a run whose ties are wanted."""

    @property
    def id(self) -> UUID: ...
    @property
    def app_id(self) -> UUID: ...
    @property
    def owner_id(self) -> UUID: ...
    @property
    def device_id(self) -> UUID: ...
    @property
    def owner_off(self) -> bool: ...


def asking_ties(run_ids: Sequence[UUID]) -> Question:
    """Return the question for the apps of these runs in which anybody may read from the server already."""
    return _READING.of([list(run_ids)])


def ties_of(runs: Iterable[Concerned], reading: Rows) -> dict[UUID, Ties]:
    """Return the ties of those runs in which the server may win any; of the others the arriving write wins all.

    `reading` is the answer to `asking_ties`; as long as no app has come so far, nothing more is asked.
    """
    if not reading:
        return {}
    requests = cutover.requests_of_apps(App(id=app_id, salt=salt, panic=panic) for app_id, salt, panic in reading)
    concerned = [run for run in runs if run.app_id in requests]
    receipted = cutover.devices_with_receipt({run.device_id for run in concerned})
    return {run.id: _stages(run, requests[run.app_id], receipted).ties() for run in concerned}


def _stages(run: Concerned, requests: cutover.Requests, receipted: set[UUID]) -> cutover.Stages:
    return cutover.stages_for(
        requests=requests,
        owner_id=run.owner_id,
        owner_off=run.owner_off,
        has_receipt=run.device_id in receipted,
    )
