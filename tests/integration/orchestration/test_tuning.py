"""Settings changed while everything runs: taken over by every process within seconds, held to sense, audited."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from migration.config import TUNABLE, retune, setting, tuning
from migration.models import AuditLine, Tuning

pytestmark = pytest.mark.django_db


def tuned(*words: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command("migration_tune", *words, json=True, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_lists_what_can_be_changed_with_what_it_means() -> None:
    listed = tuned()

    assert [one["name"] for one in listed] == list(TUNABLE)
    assert all(one["value"] == one["given"] and one["meaning"] for one in listed)


def test_a_running_process_takes_a_change_over_and_gives_it_back(settings: Any) -> None:
    settings.MIGRATION = {**settings.MIGRATION, "BATCH_ENTRIES": "700"}
    retune(now=0.0)
    [told] = tuned("BATCH_ENTRIES", "33")
    assert (told["value"], told["given"]) == (33, 700)

    tuning.forget()
    retune(now=100.0)
    assert setting("BATCH_ENTRIES") == 33
    Tuning.objects.update(value="34")
    retune(now=101.0)
    assert setting("BATCH_ENTRIES") == 33, "what is known stays known for a moment"
    retune(now=103.0)
    assert setting("BATCH_ENTRIES") == 34

    tuned("BATCH_ENTRIES", "--reset")
    retune(now=200.0)
    assert setting("BATCH_ENTRIES") == 700
    assert AuditLine.objects.filter(action="setting_changed", target="BATCH_ENTRIES").count() == 2


@pytest.mark.parametrize(
    "words",
    [
        ("BATCH_ENTRIES", "many"),
        ("BATCH_ENTRIES", "0"),
        ("ROOM_QUEUE_SECONDS", "-1"),
        ("ROOM_QUEUE_SECONDS", "nan"),
        ("LOAD_STRATEGY", "fastest"),
        ("LEASE_SECONDS", "1"),
        ("NOTHING", "1"),
        ("NOTHING", "--reset"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(words: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="setting_invalid") as refused:
        tuned(*words)

    assert refused.value.returncode == 1
    assert not Tuning.objects.exists()


def test_a_row_of_another_version_is_passed_over(transactional_db: None) -> None:
    tuning.take_over({"GONE": "1", "BATCH_CHUNKS": "5"})

    assert tuning.tuned == {"BATCH_CHUNKS": "5"}
