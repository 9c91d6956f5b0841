"""`migration_plan` says of plans what the admin's page does."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from migration.models import App, AuditLine, CutoverPlan
from tests.factories.loads import make_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def app() -> App:
    return make_app()


def run(verb: str, app: App, **options: Any) -> str:
    out = io.StringIO()
    call_command("migration_plan", verb, app=app.slug, stdout=out, **options)
    return out.getvalue()


def refusal(verb: str, app: App, **options: Any) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        run(verb, app, **options)
    return refused.value.returncode, str(refused.value)


def test_a_plan_is_set_shown_steered_released_and_dropped(app: App) -> None:
    run("set", app, percent=30.0)
    told = json.loads(run("show", app, json=True))
    assert [step.split(" for")[0] for step in told["steps"]] == ["1 %", "5 %", "25 %", "30 %"]
    assert "paused True" in run("pause", app)
    assert refusal("pause", app) == (1, "The plan is paused.")
    run("resume", app)
    assert "released server_primary" in run("release", app, stage="server_primary")
    run("drop", app)
    assert not CutoverPlan.objects.exists()
    assert AuditLine.objects.filter(app_id=app.id, actor__startswith="command:").count() == 5


def test_a_plan_may_go_at_once(app: App) -> None:
    run("set", app, percent=100.0, at_once=True)
    assert [step["percentage"] for step in CutoverPlan.objects.get().terms["steps"]] == [10_000]


def test_dry_run_says_it_and_does_nothing(app: App) -> None:
    assert "1 % for 3600 s" in run("set", app, dry_run=True)
    assert not CutoverPlan.objects.exists()
    assert not AuditLine.objects.filter(app_id=app.id).exists()
    for verb, more in (("pause", {}), ("drop", {}), ("release", {"stage": "complete"})):
        assert refusal(verb, app, dry_run=True, **more) == (1, "There is no such plan.")
    run("set", app)
    assert "paused True" in run("pause", app, dry_run=True)
    assert "dropped True" in run("drop", app, dry_run=True)
    assert not CutoverPlan.objects.get().paused
    assert AuditLine.objects.filter(app_id=app.id).count() == 1


def test_what_cannot_be_meant_is_refused(app: App) -> None:
    assert refusal("set", app, percent=0.0)[0] == 2
    assert refusal("set", app, percent=1e9)[0] == 2
    assert refusal("release", app)[0] == 2
    assert refusal("set", app, stage="complete")[0] == 2
    assert refusal("set", app, collection="nots") == (1, "There is no such collection in this app.")
    assert refusal("show", app)[0] == 3
    assert refusal("resume", app) == (1, "There is no such plan.")
