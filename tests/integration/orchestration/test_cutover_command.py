"""`migration_cutover`: every verb, what it says, and the exit code that says how it ended."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from migration.models import App, AuditLine, StageChange
from tests.factories.loads import at_stage, make_app, make_device, make_owner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def app() -> App:
    return make_app(collections=[{"name": "notes", "patterns": ["n:*"]}])


def say(app: App, verb: str, *more: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("migration_cutover", verb, "--app", app.slug, "--json", *more, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def code_of(app: App, verb: str, *more: str) -> int:
    with pytest.raises(CommandError) as caught:
        say(app, verb, *more)
    return caught.value.returncode


class TestVerbs:
    def test_go_the_whole_road(self, app: App) -> None:
        for verb, more, stage, share in [
            ("back", (), "off", 0),
            ("advance", (), "dual_write", 0),
            ("advance", (), "shadow", 0),
            ("advance", ("--percent", "0.5"), "ramp", 50),
            ("set", ("--percent", "100"), "ramp", 10_000),
            ("advance", (), "server_primary", 10_000),
            ("complete", ("--wait", "20", "--reason", "all is well"), "complete", 10_000),
        ]:
            [foreseen] = say(app, verb, *more, "--dry-run")
            [told] = say(app, verb, *more)
            assert (told["to_stage"], told["to_percentage"]) == (stage, share)
            assert (foreseen["to_stage"], foreseen["to_percentage"]) == (stage, share)
        assert (told["reason"], told["effective_at"] is not None) == ("all is well", True)
        assert AuditLine.objects.filter(app_id=app.id).count() == StageChange.objects.count() == 7
        assert [row["epoch"] for row in say(app, "history")] == [8, 7, 6, 5, 4, 3, 2]
        assert code_of(app, "back") == 1

    def test_show_where_everything_stands_and_for_whom(self, app: App) -> None:
        make_device(make_owner(app))
        at_stage(app, "server_primary", collection="notes")
        rest, notes = say(app, "show")
        assert (rest["collection"], rest["requested"], rest["holds"]) == (
            *("", "dual_write"),
            [{"stage": "dual_write", "reason": "as_requested", "devices": 1}],
        )
        assert notes["holds"] == [{"stage": "dual_write", "reason": "no_receipt", "devices": 1}]

    def test_panic_and_release_once(self, app: App) -> None:
        assert say(app, "panic")[0]["action"] == "panic"
        assert [row["panic"] for row in say(app, "show")] == [True]
        assert (code_of(app, "panic"), code_of(app, "advance")) == (3, 1)
        assert say(app, "release")[0]["action"] == "release_panic"
        assert code_of(app, "release") == 3

    def test_compare_changes_what_is_said_and_no_more(self, app: App) -> None:
        say(app, "compare", "--collection", "notes", "--rate", "0.5", "--ignore", "/at", "--ignore", "/seen")
        say(app, "compare", "--collection", "notes", "--comparator", "json")
        row = app.stages.get(collection="notes")
        assert (row.compare_rate, row.compare_ignore, row.comparator) == (0.5, ["/at", "/seen"], "json")
        assert code_of(app, "compare", "--rate", "1.5") == 1

    def test_do_nothing_in_a_dry_run(self, app: App) -> None:
        [told] = say(app, "advance", "--collection", "notes", "--dry-run")
        assert (told["from_stage"], told["to_stage"]) == ("dual_write", "shadow")
        assert (StageChange.objects.count(), App.objects.get().epoch) == (0, 1)
        assert code_of(app, "complete", "--dry-run") == 1

    def test_say_so_where_there_is_nothing_to_do(self, app: App) -> None:
        at_stage(app, "ramp", percentage=500)
        assert (code_of(app, "set", "--percent", "5"), code_of(app, "history")) == (3, 3)

    @pytest.mark.parametrize(
        ("verb", "more"),
        [
            ("set", ()),
            ("back", ("--percent", "5")),
            ("panic", ("--collection", "notes")),
            ("compare", ()),
            ("advance", ("--rate", "0.5")),
        ],
        ids=lambda one: one if isinstance(one, str) else " ".join(one).strip("-") or "alone",
    )
    def test_refuse_what_cannot_be_meant(self, app: App, verb: str, more: tuple[str, ...]) -> None:
        assert code_of(app, verb, *more) == 2

    def test_refuse_what_is_not_there(self, app: App) -> None:
        assert code_of(App(slug="nowhere"), "show") == 2
        assert code_of(app, "advance", "--collection", "nots") == 1
        assert code_of(app, "set", "--percent", "101") == 1
