"""`migration_status` tells how cutovers stand, in words and as JSON, once or again and again."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from migration.models import App, CollectionStage
from migration.orchestration import cutting_over
from migration.orchestration.cutting_over import Why
from tests.factories.loads import make_app
from tests.factories.plans import make_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def app() -> App:
    made = make_app()
    CollectionStage.objects.create(app=made, stage="ramp", percentage=2_500, changed_at=timezone.now())
    make_plan(made)
    return made


def told(**options: Any) -> str:
    out = io.StringIO()
    call_command("migration_status", stdout=out, **options)
    return out.getvalue()


class TestTheStatus:
    def test_is_told_in_words(self, app: App) -> None:
        words = told(app=app.slug)
        assert f"{app.slug}  epoch 1" in words
        assert "every other collection: ramp at 25 % since" in words
        assert "[ ] samples: 0 keys were compared by at least 0 devices; 1,000 are needed." in words
        assert "Wait: It is held for 1 day, 0:00:00." in words
        assert "server: 0 chunks wait" in words

    def test_is_told_as_json(self, app: App) -> None:
        cutting_over.panic(app_id=app.id, why=Why("test"), at=timezone.now())
        one = json.loads(told(app=app.slug, json=True))
        assert (one["app"], one["panic"], one["epoch"]) == (app.slug, True, 2)
        (collection,) = one["collections"]
        assert (collection["stage"], collection["percentage"]) == ("ramp", 2_500)
        assert collection["next"]["decision"] == "Wait"
        assert {gate["name"] for gate in collection["gates"]} >= {"samples", "mismatches", "rollback"}
        assert one["health"]["stages"] == []

    def test_is_of_every_app_where_none_is_named(self, app: App) -> None:
        other = make_app()
        assert {json.loads(line)["app"] for line in told(json=True).splitlines()} == {app.slug, other.slug}

    def test_of_no_app_says_so(self) -> None:
        with pytest.raises(CommandError) as none:
            told()
        with pytest.raises(CommandError) as unknown:
            told(app="nobody")
        with pytest.raises(CommandError) as pause:
            told(every=0.0)
        assert (none.value.returncode, unknown.value.returncode, pause.value.returncode) == (3, 2, 2)

    def test_is_told_again_and_again_until_interrupted(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                raise KeyboardInterrupt

        monkeypatch.setattr("migration.management.commands.migration_status.time.sleep", sleep)
        assert len(told(app=app.slug, json=True, watch=True, every=0.5).splitlines()) == 3
        assert pauses == [0.5] * 3
