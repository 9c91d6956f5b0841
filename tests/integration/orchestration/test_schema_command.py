"""`migration_schema`: shows, pins and unpins from a terminal, as JSON or in lines."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from migration.models import App, AuditLine, CollectionSchema, MigrationRun
from tests.factories.samples import fold_all, load_notes
from tests.factories.workers import Worker


@pytest.fixture
def run(worker: Worker) -> MigrationRun:
    run = load_notes(worker, [{"title": "one"}, {"title": "two"}])
    fold_all()
    return run


def say(verb: str, run: MigrationRun, *more: str) -> str:
    out = StringIO()
    slug = App.objects.get(id=run.app_id).slug
    call_command("migration_schema", verb, "--app", slug, *more, stdout=out)
    return out.getvalue()


def test_shows_what_is_known_as_json_and_in_lines(run: MigrationRun) -> None:
    (told,) = json.loads(say("show", run, "--json"))
    assert (told["collection"], told["sampled"], told["pinned"], told["drift"]) == ("note", 2, None, [])
    assert told["inferred"]["properties"] == {"title": {"type": "string"}}
    assert say("show", run).strip() == "'note': 2 sampled, nothing pinned, 0 drift notices"


def test_pins_a_file_or_the_inferred_schema_and_takes_it_away(run: MigrationRun, tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    file.write_text('{"type":"object"}')
    (told,) = json.loads(say("pin", run, "--collection", "note", "--file", str(file), "--json"))
    assert (told["version"], told["pinned"]) == (1, {"type": "object"})
    (told,) = json.loads(say("pin", run, "--collection", "note", "--json"))
    assert (told["version"], told["pinned"]) == (2, told["inferred"])
    assert "nothing pinned" in say("unpin", run, "--collection", "note")
    assert set(AuditLine.objects.values_list("actor", flat=True)) == {"command:migration_schema"}


def test_pins_to_a_collection_nothing_has_come_of_yet(run: MigrationRun, tmp_path: Path) -> None:
    file = tmp_path / "future.json"
    file.write_text("{}")
    say("pin", run, "--collection", "future", "--file", str(file))
    assert CollectionSchema.objects.get(collection="future").version == 1


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("pin",), "Name the --collection"),
        (("pin", "--collection", "none"), "Nothing was sampled"),
        (("pin", "--collection", "note", "--file", "/nowhere/x"), "cannot be read"),
        (("unpin", "--collection", "none"), "not_found"),
    ],
)
def test_is_refused_in_one_line(run: MigrationRun, command: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        say(command[0], run, *command[1:])


def test_refuses_a_hostile_schema_by_its_code(run: MigrationRun, tmp_path: Path) -> None:
    file = tmp_path / "remote.json"
    file.write_text('{"$ref":"https://example.com/schema"}')
    with pytest.raises(CommandError, match="schema_invalid"):
        say("pin", run, "--collection", "note", "--file", str(file))
