"""`migration_cutover`: every verb, what it says, and the exit code that says how it ended."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from migration.models import App, AuditLine, StageChange
from tests.factories.loads import at_stage, give_receipt, make_app, make_device, make_owner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def app() -> App:
    return make_app(collections=[{"name": "notes", "patterns": ["n:*"]}])


FORCED = ("--force", "--reason", "it is a drill")


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
            ("advance", FORCED, "shadow", 0),
            ("advance", ("--percent", "0.5", *FORCED), "ramp", 50),
            ("set", ("--percent", "100", *FORCED), "ramp", 10_000),
            ("advance", FORCED, "server_primary", 10_000),
            ("complete", ("--wait", "20", *FORCED), "complete", 10_000),
        ]:
            [foreseen] = say(app, verb, *more, "--dry-run")
            [told] = say(app, verb, *more)
            assert (told["to_stage"], told["to_percentage"]) == (stage, share)
            assert (foreseen["to_stage"], foreseen["to_percentage"]) == (stage, share)
        assert (told["reason"], told["effective_at"] is not None) == ("it is a drill", True)
        forced = AuditLine.objects.filter(app_id=app.id, data__has_key="forced_against").values_list(
            "action", flat=True
        )
        assert sorted(forced) == [*["stage_advance"] * 3, "stage_complete", "stage_set_percentage"]
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
        assert [row.get("panic") for row in say(app, "show")] == [True, None]
        assert (code_of(app, "panic"), code_of(app, "advance")) == (3, 1)
        assert say(app, "release")[0]["action"] == "release_panic"
        assert code_of(app, "release") == 3

    def test_compare_changes_what_is_said_and_no_more(self, app: App) -> None:
        say(app, "compare", "--collection", "notes", "--rate", "0.5", "--ignore", "/at", "--ignore", "/seen")
        say(app, "compare", "--collection", "notes", "--comparator", "json")
        row = app.stages.get(collection="notes")
        assert (row.compare_rate, row.compare_ignore, row.comparator) == (0.5, ["/at", "/seen"], "json")
        assert code_of(app, "compare", "--rate", "1.5") == 1

    def test_are_refused_by_gates_with_figures_and_reasons_until_forced(self, app: App) -> None:
        for more in ((), ("--dry-run",)):
            out = StringIO()
            with pytest.raises(CommandError) as caught:
                call_command("migration_cutover", "advance", "--app", app.slug, "--json", *more, stdout=out)
            told = json.loads(out.getvalue().splitlines()[-1])
            assert (caught.value.returncode, told["code"]) == (5, "gates_closed")
            assert "No device told how its outbox is." in {one["reason"] for one in told["gates"]}
        assert StageChange.objects.count() == 0
        [told] = say(app, "advance", *FORCED)
        assert told["figures"]["forced"] is True
        with pytest.raises(CommandError):
            call_command("migration_cutover", "advance", "--app", app.slug, "--dry-run", stdout=(words := StringIO()))
        assert "  [ ] outbox: No device told how its outbox is.\n" in words.getvalue()

    def test_put_a_collection_back_with_the_rest(self, app: App) -> None:
        at_stage(app, "ramp", percentage=500, collection="notes")
        [foreseen] = say(app, "rejoin", "--collection", "notes", "--dry-run")
        [told] = say(app, "rejoin", "--collection", "notes", "--reason", "one road for all")
        assert (foreseen["to_stage"], told["to_stage"], told["reason"]) == (
            *("dual_write", "dual_write"),
            "one road for all",
        )
        assert [row["collection"] for row in say(app, "show")] == [""]
        assert (code_of(app, "rejoin", "--collection", "notes"), code_of(app, "rejoin")) == (1, 2)

    def test_of_a_panic_name_whom_it_does_not_serve_before_and_after(self, app: App) -> None:
        at_stage(app, "complete", percentage=10_000)
        give_receipt(device := make_device(make_owner(app)))
        listed = {"owner_id": str(device.owner_id), "device_id": str(device.id), "reason": "complete"}
        for told in (say(app, "panic", "--dry-run")[0], say(app, "panic")[0], say(app, "show")[-1]):
            assert told["unserved"]["counts"] == {"complete": {"devices": 1, "owners": 1}}
            assert listed.items() <= told["unserved"]["listed"][0].items()
        call_command("migration_cutover", "show", "--app", app.slug, stdout=(words := StringIO()))
        assert "not served: 1 devices of 1 owners. The cutover is complete" in words.getvalue()

    def test_do_nothing_in_a_dry_run(self, app: App) -> None:
        [told] = say(app, "advance", "--collection", "notes", "--dry-run", *FORCED)
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
            ("advance", ("--force",)),
            ("back", FORCED),
        ],
        ids=lambda one: one if isinstance(one, str) else " ".join(one).strip("-") or "alone",
    )
    def test_refuse_what_cannot_be_meant(self, app: App, verb: str, more: tuple[str, ...]) -> None:
        assert code_of(app, verb, *more) == 2

    def test_refuse_what_is_not_there(self, app: App) -> None:
        assert code_of(App(slug="nowhere"), "show") == 2
        assert code_of(app, "advance", "--collection", "nots") == 1
        assert code_of(app, "set", "--percent", "101") == 1
