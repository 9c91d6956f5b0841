"""The rehearsal of a rollback passes in a sound house, fails in a broken one, and leaves nothing behind."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from migration.loading import merge as merging
from migration.models import AuditLine, Conflict, Owner, Record, RecordVersion
from migration.reports import rehearsal
from migration.reports.rehearsal import Rehearsals, rehearse
from migration.rollback import Revert, revert
from tests.factories.loads import make_app

pytestmark = pytest.mark.django_db


def without_history(_: Callable[..., Any]) -> Callable[..., Any]:
    def lose(*args: Any, **kwargs: Any) -> Any:
        result = merging(*args, **kwargs)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM migration_record_version")
        return result

    return lose


def one_byte_off(what: Revert, **given: Any) -> Any:
    outcome = revert(what, **given)
    with connection.cursor() as cursor:
        cursor.execute("""UPDATE migration_record SET value = '"as it was"' WHERE key_json LIKE '%%kept%%'""")
    return outcome


def nothing_done(what: Revert, **given: Any) -> Any:
    outcome = revert(what, **given)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE migration_record SET value = '1' WHERE value IS NOT NULL")
    return outcome


def raising(_: Revert, **given: Any) -> Any:
    raise ZeroDivisionError


class TestARehearsal:
    def test_passes_and_leaves_nothing(self) -> None:
        done = rehearse(app_id=make_app().id, at=timezone.now())
        assert (done.passed, done.detail) == (
            True,
            "Entries that were edited, deleted and added were rolled back and forth, byte by byte.",
        )
        for model in (Owner, Record, RecordVersion, Conflict, AuditLine):
            assert not model.objects.exists()

    def test_fails_where_writing_keeps_no_history(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rehearsal, "merge", without_history(merging))
        assert not rehearse(app_id=make_app().id, at=timezone.now()).passed

    @pytest.mark.parametrize("broken", [one_byte_off, nothing_done, raising])
    def test_fails_where_the_rollback_room_is_broken(
        self, monkeypatch: pytest.MonkeyPatch, broken: Callable[..., Any]
    ) -> None:
        monkeypatch.setattr(rehearsal.RollbackService, "revert", staticmethod(broken))
        done = rehearse(app_id=make_app().id, at=timezone.now())
        assert not done.passed
        assert not Owner.objects.exists()

    def test_is_taken_for_true_for_a_minute_and_for_one_app(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked, at = [], timezone.now()

        def count(*, app_id: Any, at: Any) -> Any:
            asked.append(app_id)
            return rehearse(app_id=app_id, at=at)

        monkeypatch.setattr(rehearsal, "rehearse", count)
        first, second, remembered = make_app(), make_app(), Rehearsals()
        for app, later in ((first, 0), (first, 59), (second, 59), (first, 61)):
            assert remembered.of(app_id=app.id, at=at + timedelta(seconds=later)).passed
        assert asked == [first.id, second.id, first.id]
