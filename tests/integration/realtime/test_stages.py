"""Open pages hear of every change of a stage within a second of its commit, of a panic whatever else happens."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from migration.cutover import Action, Comparison
from migration.models import MigrationRun
from migration.orchestration import cutting_over, rolling_back
from migration.orchestration.cutting_over import Why
from migration.realtime import socket as sockets
from tests.factories.loads import at_stage, make_app, make_device, make_owner, make_run
from tests.integration.realtime.sockets import ORIGIN, Page, in_a_loop, ticket_for

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES: list[tuple[str, Any, dict[str, Any]]] = [
    ("shadow", cutting_over.advance, {}),
    ("ramp", cutting_over.set_percentage, {"percentage": 2_500}),
    ("ramp", cutting_over.set_percentage, {"percentage": 50}),
    ("server_primary", cutting_over.step_back, {}),
    ("server_primary", cutting_over.complete, {}),
    ("shadow", cutting_over.set_comparison, {"comparison": Comparison(0.5)}),
    ("shadow", cutting_over.rejoin, {"collection": "notes"}),
    ("complete", cutting_over.panic, {}),
]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> MigrationRun:
    """A run of an owner whose sockets do not look for themselves: what comes, came as a message."""
    monkeypatch.setattr(sockets, "FIRST_LOOK", 3600.0)
    app = make_app(allowed_origins=[ORIGIN], collections=[{"name": "notes", "patterns": ["n:*"]}])
    return make_run(make_device(make_owner(app)))


def change(run: MigrationRun, act: Any, **given: Any) -> int:
    why = Why("anna", reason="a test", force=True)
    return int(act(app_id=run.app_id, why=why, at=timezone.now(), **given).epoch)


async def opened(run: MigrationRun) -> Page:
    page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
    await page.next()
    return page


class TestAnOpenPage:
    def test_is_tried_with_every_action_there_is(self) -> None:
        tried = {act.__name__ for _, act, _ in CHANGES} | {"release_panic"}
        assert tried == {"set_comparison" if action == Action.COMPARE else str(action) for action in Action}

    @pytest.mark.parametrize(("stage", "act", "given"), CHANGES, ids=lambda one: getattr(one, "__name__", None))
    def test_hears_of_a_change_within_a_second(
        self, run: MigrationRun, stage: str, act: Any, given: dict[str, Any]
    ) -> None:
        at_stage(run.app, stage, percentage=100)
        at_stage(run.app, stage, percentage=100, collection="notes")

        @in_a_loop
        async def hears() -> None:
            page = await opened(run)
            epoch = await sync_to_async(change)(run, act, **given)
            assert await page.next(within=1) == {"type": "epochChanged", "epoch": f"{epoch}.1"}
            await page.leave()

        hears()

    @in_a_loop
    async def test_hears_of_the_end_of_a_panic_too(self, run: MigrationRun) -> None:
        page = await opened(run)
        for act in (cutting_over.panic, cutting_over.release_panic):
            epoch = await sync_to_async(change)(run, act)
            assert await page.next(within=1) == {"type": "epochChanged", "epoch": f"{epoch}.1"}
        await page.leave()

    @in_a_loop
    async def test_hears_that_its_owner_was_put_on_again(self, run: MigrationRun) -> None:
        page = await opened(run)
        await sync_to_async(run.owner.__class__.objects.filter(id=run.owner_id).update)(switched_off=True)
        await sync_to_async(rolling_back.put_owner_on)(owner_id=run.owner_id, actor="test", at=timezone.now())
        assert await page.next(within=1) == {"type": "epochChanged", "epoch": "1.2"}
        await page.leave()
