"""Announcing: after the commit, to whoever listens, numbered by the run.

Nothing is throttled here: several processes move one run, and the last state must go out whoever brought it about.
Each socket spaces its messages itself, sends the latest, and so has the trailing edge (`migration.realtime`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import DatabaseError, connection, transaction

from migration.events import Message
from migration.models import Owner
from migration.progress.channel import channel
from migration.progress.snapshots import snapshots_of

OWNERS = "owners"
"""The group every owner socket joins, so that a run's owner need not be looked up when nobody watches owners."""

_NUMBER = "UPDATE migration_migrationrun SET number = number + 1 WHERE id = ANY(%s) RETURNING id, number"

log = structlog.get_logger(__name__)


def run_group(run_id: object) -> str:
    """Return the name of the group of sockets that watch one run."""
    return f"run.{run_id}"


def owner_group(owner_id: object) -> str:
    """Return the name of the group of sockets that watch one owner."""
    return f"owner.{owner_id}"


def announce(run_id: UUID, message: Message) -> None:
    """Tell the sockets of a run once the current transaction has committed (at once outside of one).

    Never raises for a Redis or listener that is not well. Call it inside the transaction that did what it tells.
    """
    announce_all([run_id], message)


def announce_all(run_ids: Sequence[UUID], message: Message) -> None:
    """Announce the same of many runs: one question to Redis, one to Postgres where somebody listens."""
    if run_ids:
        transaction.on_commit(partial(_speak, list(run_ids), message), robust=True)


def app_group(app_id: object) -> str:
    """Return the name of the group of sockets of all owners of one app."""
    return f"app.{app_id}"


def announce_app_epoch(app_id: UUID, epoch: int) -> None:
    """Tell the sockets of all of an app's owners, after the commit, that the app's part of the epoch has risen."""
    message = {"type": "app_epoch.event", "epoch": epoch}
    transaction.on_commit(partial(channel().publish, [(app_group(app_id), message)]), robust=True)


def announce_epoch(owner_id: UUID, epoch: object) -> None:
    """Tell an owner's sockets, after the commit, that the epoch has risen to `app.owner`."""
    message = {"type": "epoch.event", "epoch": str(epoch)}
    transaction.on_commit(partial(channel().publish, [(owner_group(owner_id), message)]), robust=True)


def announce_records(owner_id: UUID, revision: int) -> None:
    """Tell an owner's sockets, after the commit, that the records stand at a new revision."""
    transaction.on_commit(partial(channel().publish, [_of_records(owner_id, revision)]), robust=True)


def _take_numbers(run_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Give each of these events a number of its own. Only events that somebody hears cost an update."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_NUMBER, [list(run_ids)])
            return dict(cursor.fetchall())
    except DatabaseError as error:
        log.warning("event_not_numbered", error=type(error).__name__)
        return {}


def _speak(run_ids: list[UUID], message: Message) -> None:
    heard = channel().listened_to([OWNERS, *map(run_group, run_ids)])
    wanted = run_ids if OWNERS in heard else [run_id for run_id in run_ids if run_group(run_id) in heard]
    if not wanted:
        return
    numbers = {} if message is Message.PROGRESS else _take_numbers(wanted)
    messages: list[tuple[str, dict[str, Any]]] = []
    owners: set[UUID] = set()
    for run, shown in snapshots_of(wanted):
        event = _event(message, shown, numbers.get(run.id, run.number))
        messages += [(run_group(run.id), event), (owner_group(run.owner_id), event)]
        owners.add(run.owner_id)
    if OWNERS in heard:  # what moves a run mostly moves its owner's records too
        risen = Owner.objects.filter(id__in=owners).values_list("id", "revision")
        messages += [_of_records(owner_id, revision) for owner_id, revision in risen]
    channel().publish(messages)


def _of_records(owner_id: UUID, revision: int) -> tuple[str, dict[str, Any]]:
    """Build what tells an owner's sockets at which revision the records stand."""
    return owner_group(owner_id), {"type": "records.event", "revision": revision}


def _event(message: Message, shown: dict[str, Any], number: int) -> dict[str, Any]:
    """Build what travels to the sockets; the snapshot is written as JSON once, however many listen."""
    shown["number"] = number
    return {
        "type": "run.event",
        "name": str(message),
        "number": number,
        "id": shown["id"],
        "state": shown["state"],
        "run": msgspec.json.encode(shown).decode(),
    }
