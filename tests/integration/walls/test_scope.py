"""Inside a scope no other owner's row exists, and nothing of a scope stays on the connection."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from migration.models import App, AppSecret, Device, MigrationRun, Owner, Record, RollbackPoint
from migration.walls import scoped, tenant_role
from migration.walls.scope import NotScopable
from tests.factories.loads import make_device, make_owner, make_run
from tests.factories.writes import write

pytestmark = pytest.mark.django_db(transaction=True)
SAID = "SELECT current_user::text, current_setting('migration.owner', true), current_setting('migration.app', true)"


def said() -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute(SAID)
        return tuple(cursor.fetchone())


def of(owner: Owner) -> dict[str, object]:
    return {"app_id": owner.app_id, "owner_id": owner.id}


def spoil(owner: Owner, trouble: type[BaseException]) -> None:
    with scoped(**of(owner)), transaction.atomic():
        said()
        raise trouble


class TestInsideAScope:
    def test_only_the_owners_rows_exist_with_or_without_a_transaction(self) -> None:
        mine, theirs = make_owner(), make_owner()
        for owner in (mine, theirs):
            make_run(make_device(owner))
            write(owner, "key", "value")
        with scoped(**of(mine)):
            for _ in range(2):
                assert [one.owner_id for one in MigrationRun.objects.all()] == [mine.id]
                assert [one.owner_id for one in Record.objects.all()] == [mine.id]
                assert list(Owner.objects.values_list("id", flat=True)) == [mine.id]
                assert list(App.objects.values_list("id", flat=True)) == [mine.app_id]
            with transaction.atomic(), transaction.atomic():
                assert [one.owner_id for one in Device.objects.all()] == [mine.id]

    def test_foreign_rows_cannot_be_written(self) -> None:
        mine, theirs = make_owner(), make_owner()
        run = make_run(make_device(theirs))
        with scoped(**of(mine)):
            assert MigrationRun.objects.filter(id=run.id).update(failure_code="mine now") == 0
            with pytest.raises(ProgrammingError, match="row-level security"):
                RollbackPoint.objects.create(owner_id=theirs.id, name="mine now", revision=0)

    def test_secrets_cannot_be_read(self) -> None:
        with scoped(**of(make_owner())), pytest.raises(ProgrammingError, match="permission denied"):
            AppSecret.objects.count()

    def test_a_right_app_with_a_foreign_owner_shows_nothing(self) -> None:
        mine, theirs = make_owner(), make_owner()
        make_run(make_device(theirs))
        with scoped(app_id=mine.app_id, owner_id=theirs.id):
            assert not MigrationRun.objects.exists()
            assert not Owner.objects.exists()

    def test_no_statement_costs_a_round_trip_more(self, tmp_path: Path) -> None:
        mine = make_owner()
        with scoped(**of(mine)), (tmp_path / "wire").open("w") as wire:
            Owner.objects.count()
            connection.connection.pgconn.trace(wire.fileno())
            Owner.objects.count()
            connection.connection.pgconn.untrace()
        sent = [line for line in (tmp_path / "wire").read_text().splitlines() if "\tF\t" in line]
        assert len(sent) == 1, sent

    def test_what_could_not_be_scoped_is_refused(self) -> None:
        with scoped(**of(make_owner())), connection.cursor() as cursor, pytest.raises(NotScopable):
            cursor.executemany("SELECT %s", [[1], [2]])


class TestTheRolesName:
    @pytest.mark.parametrize("name", ["", "x" * 64, "a'b", 'a"b', "100%s", "a;b"])
    def test_is_a_plain_word(self, name: str, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "TENANT_ROLE": name}
        with pytest.raises(ImproperlyConfigured):
            tenant_role()


class TestAfterAScope:
    def test_nothing_of_it_is_left(self) -> None:
        before = said()
        with scoped(**of(make_owner())):
            assert said()[0] != before[0]
        assert (said()[0], "".join(said()[1:])) == (before[0], "")

    @pytest.mark.parametrize("trouble", [IntegrityError, KeyboardInterrupt, GeneratorExit])
    def test_whatever_ended_it(self, trouble: type[BaseException]) -> None:
        before = said()
        with pytest.raises(trouble):
            spoil(make_owner(), trouble)
        assert (said()[0], "".join(said()[1:])) == (before[0], "")
        assert not connection.execute_wrappers

    def test_nor_between_two_statements_of_one(self) -> None:
        before = said()
        with scoped(**of(make_owner())):
            said()
            with connection.connection.cursor() as unscoped:  # as a hand that passes Django by
                assert unscoped.execute(SAID).fetchone()[0] == before[0]

    def test_nor_after_an_error_in_the_middle_of_a_transaction(self) -> None:
        before = said()
        with scoped(**of(make_owner())), pytest.raises(DatabaseError), transaction.atomic():
            Owner.objects.extra(select={"x": "1/0"}).first()
        assert said()[0] == before[0]

    def test_a_transaction_around_it_goes_on_as_before(self) -> None:
        mine = make_owner()
        with transaction.atomic():
            before = said()
            with scoped(**of(mine)):
                assert said() == ("syncserver_tenant", str(mine.id), str(mine.app_id))
            assert (said()[0], "".join(said()[1:])) == (before[0], "")
