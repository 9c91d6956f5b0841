"""Who wins ties of AUTO_MERGE when runs are loaded: as the stage of each run's device says (semantics 6)."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from migration import cutover
from migration.models import App

Ties = dict[str, bool]


def ties_of(runs: Iterable[Mapping[str, Any]]) -> dict[UUID, Ties]:
    """Return the ties of those runs in which the server may win any; of the others the arriving write wins all.

    Of a run are needed `id`, `app_id`, `owner_id`, `device_id` and `owner_off`. One query for a batch, as long as no
    app has come so far.
    """
    listed = list(runs)
    apps = App.objects.filter(id__in={run["app_id"] for run in listed}, stages__stage__in=cutover.READS_SERVER)
    requests = cutover.requests_of_apps(apps.only("salt", "panic").distinct())
    concerned = [run for run in listed if run["app_id"] in requests]
    receipted = cutover.devices_with_receipt({run["device_id"] for run in concerned})
    return {run["id"]: _stages(run, requests[run["app_id"]], receipted).ties() for run in concerned}


def _stages(run: Mapping[str, Any], requests: cutover.Requests, receipted: set[UUID]) -> cutover.Stages:
    return cutover.stages_for(
        requests=requests,
        owner_id=run["owner_id"],
        owner_off=run["owner_off"],
        has_receipt=run["device_id"] in receipted,
    )
