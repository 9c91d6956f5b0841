"""Every socket, by everybody who may come with a ticket: both walls, then the second alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from migration.lifecycle import issue_ticket
from migration.models import App, MigrationRun, Owner
from migration.realtime import reading
from migration.realtime.routing import websocket_urlpatterns
from tests.factories import matrix
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.integration.realtime.sockets import ORIGIN, Page, in_a_loop

pytestmark = pytest.mark.django_db(transaction=True)
Actor = Callable[[MigrationRun], str]


def test_every_socket_is_in_the_matrix() -> None:
    assert {str(route.pattern) for route in websocket_urlpatterns} - {""} == matrix.SOCKETS


@pytest.fixture(params=["both walls", "the second alone"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MigrationRun:
    if request.param == "the second alone":
        monkeypatch.setattr(reading, "scoped", matrix.without_the_first_wall)
    return make_run(make_device(make_owner(make_app(allowed_origins=[ORIGIN]))))


def ticket(owner: Owner, run_id: UUID | None = None, **options: Any) -> str:
    return issue_ticket(owner_id=owner.id, run_id=run_id, at=options.pop("at", timezone.now()), **options)


def of_another_owner(run: MigrationRun) -> str:
    return ticket(make_owner(run.app))


def of_another_owners_run(run: MigrationRun) -> str:
    other = make_run(make_device(make_owner(run.app)))
    return ticket(other.owner, other.id)


def of_the_same_user_in_another_app(run: MigrationRun) -> str:
    app = make_app(allowed_origins=[ORIGIN])
    return ticket(Owner.objects.create(app=app, kind=run.owner.kind, subject=run.owner.subject))


def of_a_guest(run: MigrationRun) -> str:
    return ticket(Owner.objects.create(app=run.app, kind="guest", subject="guest"))


def expired(run: MigrationRun) -> str:
    return ticket(run.owner, run.id, at=timezone.now() - timedelta(minutes=5))


def of_an_app_that_is_off(run: MigrationRun) -> str:
    App.objects.filter(id=run.app_id).update(is_active=False)
    return ticket(run.owner, run.id)


def of_staff(run: MigrationRun) -> str:
    return ticket(run.owner, run.id, staff=True)


def none(_: MigrationRun) -> str:
    return "x" * 43


REFUSED: dict[Actor, int] = {
    of_another_owner: 4404,
    of_another_owners_run: 4404,
    of_the_same_user_in_another_app: 4404,
    of_a_guest: 4404,
    expired: 4401,
    of_an_app_that_is_off: 4401,
    of_staff: 4403,  # from the app's page: staff's tickets are for the server's own
    none: 4401,
}


class TestARunsSocket:
    @pytest.mark.parametrize("actor", REFUSED, ids=lambda actor: actor.__name__)
    @in_a_loop
    async def test_is_closed_to(self, actor: Actor, run: MigrationRun) -> None:
        page = await Page(f"/ws/v1/runs/{run.id}", await sync_to_async(actor)(run)).open()
        assert await page.next() == {"closed": REFUSED[actor]}

    @in_a_loop
    async def test_is_open_to_its_owner(self, run: MigrationRun) -> None:
        page = await Page(f"/ws/v1/runs/{run.id}", await sync_to_async(ticket)(run.owner)).open()
        assert (await page.next())["run"]["id"] == str(run.id)
        await page.leave()


class TestAnOwnersSocket:
    @pytest.mark.parametrize(
        "actor", [actor for actor, code in REFUSED.items() if code == 4404], ids=lambda actor: actor.__name__
    )
    @in_a_loop
    async def test_shows_nothing_to(self, actor: Actor, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await sync_to_async(actor)(run)).open()
        first = await page.next()
        assert first == {"closed": 4404} or first["runs"] == []
        await page.leave()

    @pytest.mark.parametrize("actor", [expired, of_an_app_that_is_off, none], ids=lambda actor: actor.__name__)
    @in_a_loop
    async def test_is_closed_to(self, actor: Actor, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await sync_to_async(actor)(run)).open()
        assert await page.next() == {"closed": 4401}

    @in_a_loop
    async def test_shows_its_owner_its_own_runs(self, run: MigrationRun) -> None:
        await sync_to_async(make_run)()
        page = await Page("/ws/v1/owner", await sync_to_async(ticket)(run.owner)).open()
        assert [one["id"] for one in (await page.next())["runs"]] == [str(run.id)]
        await page.leave()
