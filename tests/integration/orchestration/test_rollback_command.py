"""Ways back from the terminal: every verb, what it says, and the exit code that says how it ended."""

import json
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from migration.models import App, AppRollback, AuditLine, Owner, Rollback, RollbackPoint
from tests.factories.held import values_of
from tests.factories.loads import make_app, make_owner
from tests.factories.runs import completed_run
from tests.factories.uploads import todos
from tests.factories.ways_back import edit, held, owners_of
from tests.factories.workers import Worker
from tests.factories.writes import write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def app() -> App:
    return make_app()


def say(app: App, verb: str, **options: Any) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("migration_rollback", verb, app=app.slug, json=True, stdout=out, **options)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def code_of(app: App, verb: str, **options: Any) -> int:
    with pytest.raises(CommandError) as caught:
        say(app, verb, **options)
    return caught.value.returncode


class TestAWholeApp:
    def test_goes_back_as_foreseen_and_forth_again(self, app: App) -> None:
        owners, worker = owners_of(app, 3), Worker()
        [foreseen] = say(app, "point", name="noon", dry_run=True)
        assert (foreseen["owners"], RollbackPoint.objects.count()) == (3, 0)
        [point] = say(app, "point", name="noon")
        [listed] = say(app, "points")
        assert listed == point
        edit(owners[:2])
        write(make_owner(app), "k", "new")
        [told] = say(app, "preview", point=UUID(point["point"]))
        assert told == {
            "owners": 4,
            "absent_owners": 1,
            "changed_owners": 3,
            "go_back": 3,
            "absent": 1,
            "collide": 3,
            "reasons": [],
        }
        assert say(app, "start", point=UUID(point["point"]), dry_run=True) == [told]
        assert not AppRollback.objects.exists()

        key = uuid4()
        [asked] = say(app, "start", point=UUID(point["point"]), key=key)
        assert say(app, "start", point=UUID(point["point"]), key=key)[0]["rollback"] == asked["rollback"]
        named = UUID(asked["rollback"])
        assert say(app, "pause", rollback=named)[0]["state"] == "paused"
        worker.work_until_done()
        assert held(owners) == ["after", "after", "before"]
        assert say(app, "resume", rollback=named, dry_run=True)[0]["state"] == "paused"
        assert say(app, "resume", rollback=named)[0]["state"] == "at_work"
        assert code_of(app, "undo", rollback=named) == 1
        worker.work_until_done()
        [status] = say(app, "status", rollback=named)
        assert (status["state"], status["done"], status["failed"], status["owners"]) == ("done", 4, 0, 4)
        assert (status["go_back"], status["absent"], status["collide"]) == (3, 1, 3)
        assert code_of(app, "retry", rollback=named) == 1

        [back] = say(app, "undo", rollback=named, dry_run=True)
        assert (back["owners"], back["go_back"]) == (3, 3)
        say(app, "undo", rollback=named)
        worker.work_until_done()
        assert held(owners) == ["after", "after", "before"]
        assert len(say(app, "status")) == 2

        assert say(app, "on", dry_run=True) == [{"owners": 4}]
        assert say(app, "on", owner=owners[0].id) == [{"owners": 1}]
        assert code_of(app, "on", owner=owners[0].id) == 1
        assert say(app, "on") == [{"owners": 3}]
        assert code_of(app, "on") == 3
        assert AuditLine.objects.get(action="app_rollback_paused").actor.startswith("command:")

    def test_to_where_it_stands_has_nothing_to_do(self, app: App) -> None:
        owners_of(app, 1)
        [point] = say(app, "point", name="now")
        assert code_of(app, "preview", point=UUID(point["point"])) == 3
        assert code_of(make_app(), "points") == 3
        assert code_of(make_app(), "status") == 3


class TestAnOwner:
    def test_goes_back_in_whole_or_in_part(self, app: App) -> None:
        owner, worker = make_owner(app), Worker()
        for key in ("a", "b", "c"):
            write(owner, key, "old", collection="left" if key == "a" else "right")
        [point] = say(app, "point", name="mine", owner=owner.id)
        assert say(app, "points", owner=owner.id) == [point]
        for key in ("a", "b", "c"):
            write(owner, key, "new", collection="left" if key == "a" else "right")
        aim = {"owner": owner.id, "point": UUID(point["point"])}
        [told] = say(app, "preview", **aim, record="a")
        assert told == {"go_back": 1, "absent": 0, "collide": 1, "kept": 0, "reasons": []}
        for part in ({"record": "a"}, {"collection": "right"}, {}):
            say(app, "start", **aim, **part)
            worker.work_until_done()
        scopes = list(Rollback.objects.order_by("created_at").values_list("scope", "reverted"))
        assert scopes == [("record", 1), ("collection", 2), ("owner", 0)]
        assert set(values_of(owner).values()) == {"old"}

        of_collection = Rollback.objects.get(scope="collection")
        assert say(app, "status", rollback=of_collection.id)[0]["scope"] == "collection"
        say(app, "undo", rollback=of_collection.id)
        worker.work_until_done()
        assert values_of(owner) == {"a": "old", "b": "new", "c": "new"}

    def test_goes_to_a_revision_nobody_has_named_unless_it_was_pruned(self, app: App) -> None:
        owner = make_owner(app)
        for value in ("1", "2", "3"):
            write(owner, "k", value)
        say(app, "start", owner=owner.id, to=2, record="k")
        Worker().work_until_done()
        assert values_of(owner) == {"k": "2"}
        assert code_of(app, "start", owner=owner.id, to=9) == 1
        Owner.objects.filter(id=owner.id).update(horizon=2)
        assert code_of(app, "start", owner=owner.id, to=1) == 1
        assert say(app, "preview", owner=owner.id, to=0)[0]["absent"] == 1

    def test_gives_a_run_back(self) -> None:
        run = completed_run(worker := Worker(), todos(2))
        assert say(run.app, "preview", run=run.id)[0]["absent"] == 2
        say(run.app, "start", run=run.id)
        worker.work_until_done()
        run.refresh_from_db()
        assert run.state == "rolled_back"
        assert code_of(run.app, "preview", run=run.id) == 1


class TestUsage:
    @pytest.mark.parametrize(
        ("verb", "options"),
        [
            ("point", {}),
            ("start", {}),
            ("start", {"to": 3}),
            ("start", {"point": uuid4(), "collection": "todos"}),
            ("start", {"owner": uuid4()}),
            ("start", {"owner": uuid4(), "to": 1, "point": uuid4()}),
            ("start", {"owner": uuid4(), "to": 1, "collection": "a", "record": "b"}),
            ("undo", {}),
            ("pause", {}),
            ("resume", {}),
            ("retry", {}),
        ],
    )
    def test_is_held_to(self, app: App, verb: str, options: dict[str, Any]) -> None:
        assert code_of(app, verb, **options) == 2

    def test_names_what_there_is(self, app: App) -> None:
        for verb, options in [
            ("start", {"point": uuid4()}),
            ("start", {"owner": uuid4(), "to": 0}),
            ("start", {"run": uuid4()}),
            ("status", {"rollback": uuid4()}),
            ("undo", {"rollback": uuid4()}),
        ]:
            assert code_of(app, verb, **options) == 1
        with pytest.raises(CommandError) as caught:
            call_command("migration_rollback", "points", app="nonsense")
        assert caught.value.returncode == 2

    def test_of_steering_is_for_whole_apps(self, app: App) -> None:
        owner = make_owner(app)
        write(owner, "k", "x")
        [asked] = say(app, "start", owner=owner.id, to=0)
        assert code_of(app, "pause", rollback=UUID(asked["rollback"])) == 2
