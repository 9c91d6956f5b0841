from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from migration.cutover import requests_of, stages_of_nobody
from migration.events import Message
from migration.lifecycle import move_run
from migration.models import App, MigrationRun, Owner
from migration.orchestration import cutting_over
from migration.orchestration.cutting_over import Why
from migration.orchestration.intake import Sender
from migration.orchestration.writing import Op, write_ops
from migration.progress import announce, announce_epoch, announce_records, snapshot_of
from migration.realtime import owners, runs
from migration.realtime import socket as sockets
from migration.states import RunState
from migration.values.epochs import Epoch
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.integration.realtime.sockets import ORIGIN, Page, in_a_loop, ticket_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> MigrationRun:
    return make_run(make_device(make_owner(make_app(allowed_origins=[ORIGIN]))), entries_total=1_000)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that do not look for themselves: what comes, came as a message."""
    monkeypatch.setattr(sockets, "FIRST_LOOK", 3600.0)


@sync_to_async
def proceed(run: MigrationRun, *, to: int, message: Message = Message.PROGRESS) -> None:
    with transaction.atomic():
        MigrationRun.objects.filter(id=run.id).update(entries_received=to)
        announce(run.id, message)


@sync_to_async
def finish(run: MigrationRun) -> None:
    for state, message in ((RunState.VERIFYING, Message.STAGE), (RunState.COMPLETED, Message.COMPLETED)):
        with transaction.atomic():
            move_run(run.id, state, why="test", at=run.created_at)
            announce(run.id, message)


def declare_panic(app_id: UUID) -> None:
    cutting_over.panic(app_id=app_id, why=Why("anna"), at=timezone.now())


async def opened(run: MigrationRun) -> tuple[Page, dict[str, object]]:
    page = await Page(f"/ws/v1/runs/{run.id}", await ticket_for(run)).open()
    return page, await page.next()


@pytest.mark.usefixtures("quiet")
class TestRunSocket:
    @in_a_loop
    async def test_begins_with_the_whole_snapshot(self, run: MigrationRun) -> None:
        page, first = await opened(run)
        assert first["type"] == "snapshot"
        assert first["run"] == await sync_to_async(snapshot_of)(run.id)
        assert first["number"] == first["run"]["number"]  # type: ignore[index]
        await page.leave()

    @in_a_loop
    async def test_sends_the_first_progress_at_once_and_the_last_in_the_end(
        self, run: MigrationRun, settings: Any
    ) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "PROGRESS_SECONDS": "1"}
        page, _ = await opened(run)
        for to in range(10, 210, 10):
            await proceed(run, to=to)
        seen = [await page.next()]
        while seen[-1]["run"]["entries"]["received"] < 200:
            seen.append(await page.next())
        assert seen[0]["type"] == "progressUpdate"
        assert len(seen) < 20
        assert [one["number"] for one in seen] == sorted({one["number"] for one in seen})
        assert await page.silent()
        await page.leave()

    @in_a_loop
    async def test_tells_each_stage_and_the_end_in_order(self, run: MigrationRun) -> None:
        page, first = await opened(run)
        await proceed(run, to=1_000)
        await finish(run)
        messages = [await page.next() for _ in range(3)]
        assert [one["type"] for one in messages] == ["progressUpdate", "stageChanged", "migrationCompleted"]
        numbers = [first["number"], *(one["number"] for one in messages)]
        assert numbers == sorted(set(numbers))
        assert messages[-1]["run"]["number"] == messages[-1]["number"]
        await page.leave()

    @in_a_loop
    async def test_hears_only_its_own_run(self, run: MigrationRun) -> None:
        page, _ = await opened(run)
        await proceed(await sync_to_async(make_run)(), to=5)
        assert await page.silent()
        await page.leave()

    @in_a_loop
    async def test_comes_back_to_a_snapshot_that_missed_nothing(self, run: MigrationRun) -> None:
        shown: list[float] = []
        for to in range(50, 1_050, 50):
            page, first = await opened(run)
            shown.append(first["run"]["percentage"])  # type: ignore[index]
            await page.leave()
            await proceed(run, to=to)
        page, first = await opened(run)
        assert first["run"]["entries"]["received"] == 1_000  # type: ignore[index]
        assert shown == sorted(shown)
        await page.leave()

    @in_a_loop
    async def test_does_not_repeat_what_the_snapshot_told(self, run: MigrationRun) -> None:
        await proceed(run, to=10)
        page, _ = await opened(run)
        await sync_to_async(announce)(run.id, Message.PROGRESS)
        assert await page.silent()
        await page.leave()

    @in_a_loop
    async def test_does_not_know_a_run_that_vanished(self, run: MigrationRun) -> None:
        ticket = await ticket_for(run)
        await sync_to_async(MigrationRun.objects.filter(id=run.id).delete)()
        page = await Page(f"/ws/v1/runs/{run.id}", ticket).open()
        assert await page.next() == {"closed": 4404}


class TestWithoutMessages:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets, "FIRST_LOOK", 0.1)
        for module in (sockets, owners, runs):
            monkeypatch.setattr(module, "NEXT_LOOK", 0.1)
            monkeypatch.setattr(module, "IDLE_LOOK", 0.1)

    @in_a_loop
    async def test_a_socket_looks_for_itself_and_names_what_it_finds(self, run: MigrationRun) -> None:
        page, _ = await opened(run)
        await sync_to_async(MigrationRun.objects.filter(id=run.id).update)(state="completed", receipt="signed")
        message = await page.next()
        assert message["type"] == "migrationCompleted"
        assert message["run"]["percentage"] == 100
        await page.leave()

    @in_a_loop
    async def test_an_owners_socket_finds_that_the_records_have_changed(self, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        await page.next()
        await sync_to_async(Owner.objects.filter(id=run.owner_id).update)(revision=9)
        assert await page.next() == {"type": "recordsChanged", "revision": 9}
        await page.leave()

    @in_a_loop
    async def test_an_owners_socket_finds_the_apps_new_epoch(self, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        await page.next()
        await sync_to_async(App.objects.filter(id=run.app_id).update)(epoch=5)
        assert await page.next() == {"type": "epochChanged", "epoch": "5.1"}
        await page.leave()


class TestAPanic:
    @in_a_loop
    async def test_reaches_open_pages_within_five_seconds_also_when_no_message_does(
        self, run: MigrationRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Redis loses what was published, or is away: one look a process finds it."""
        monkeypatch.setattr(sockets, "FIRST_LOOK", 3600.0)
        pages = []
        for _ in range(3):
            pages.append(await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open())
            await pages[-1].next()
        await pages.pop().leave()
        await sync_to_async(App.objects.filter(id=run.app_id).update)(epoch=2, panic=True)
        for page in pages:
            assert await page.next(within=5) == {"type": "epochChanged", "epoch": "2.1"}
            await page.leave()


@pytest.mark.usefixtures("quiet")
class TestOwnerSocket:
    @in_a_loop
    async def test_begins_with_all_runs_and_the_epoch(self, run: MigrationRun) -> None:
        newer = await sync_to_async(make_run)(run.device)
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        first = await page.next()
        assert (first["type"], first["epoch"]) == ("snapshot", "1.1")
        assert [one["id"] for one in first["runs"]] == [str(newer.id), str(run.id)]
        await page.leave()

    @in_a_loop
    async def test_tells_of_every_run_and_of_a_risen_epoch(self, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        await page.next()
        fresh = await sync_to_async(make_run)(run.device, state="planned")
        await proceed(fresh, to=5, message=Message.STAGE)
        assert (await page.next())["run"]["id"] == str(fresh.id)
        await sync_to_async(Owner.objects.filter(id=run.owner_id).update)(epoch=2)
        await sync_to_async(announce_epoch)(run.owner_id, "1.2")
        await sync_to_async(announce_epoch)(run.owner_id, "1.1")
        assert await page.next() == {"type": "epochChanged", "epoch": "1.2"}
        assert await page.silent()
        await page.leave()

    @in_a_loop
    async def test_tells_every_owner_of_an_app_of_a_panic(self, run: MigrationRun) -> None:
        mine = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        other = await sync_to_async(make_run)(
            await sync_to_async(make_device)(await sync_to_async(make_owner)(run.app))
        )
        others = await Page("/ws/v1/owner", await ticket_for(other, whole_owner=True)).open()
        stranger = await sync_to_async(make_run)(
            await sync_to_async(make_device)(await sync_to_async(make_owner)(await sync_to_async(make_app)()))
        )
        for page in (mine, others):
            await page.next()
        await sync_to_async(declare_panic)(stranger.app_id)
        assert await mine.silent()
        await sync_to_async(declare_panic)(run.app_id)
        assert await mine.next(within=5) == {"type": "epochChanged", "epoch": "2.1"}
        assert await others.next(within=5) == {"type": "epochChanged", "epoch": "2.1"}
        for page in (mine, others):
            await page.leave()

    @in_a_loop
    async def test_tells_once_when_the_records_have_changed(self, run: MigrationRun) -> None:
        await sync_to_async(Owner.objects.filter(id=run.owner_id).update)(revision=4)
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        assert (await page.next())["revision"] == 4
        for revision in (7, 7, 5):
            await sync_to_async(announce_records)(run.owner_id, revision)
        assert await page.next() == {"type": "recordsChanged", "revision": 7}
        assert await page.silent()
        await page.leave()

    @in_a_loop
    async def test_tells_what_a_run_has_changed(self, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        await page.next()
        await sync_to_async(Owner.objects.filter(id=run.owner_id).update)(revision=3)
        await proceed(run, to=3)
        assert (await page.next())["type"] == "progressUpdate"
        assert await page.next() == {"type": "recordsChanged", "revision": 3}
        await page.leave()

    @in_a_loop
    async def test_hears_of_ops_the_moment_they_are_committed(self, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        await page.next()
        sender = Sender(run.app, run.owner_id, run.device_id, Epoch(1, 1))
        ops = [Op(1, b'["k","v"]', None), Op(2, b'["k2","v"]', None)]
        stages = stages_of_nobody(await sync_to_async(requests_of)(run.app))
        write = {
            "sender": sender,
            "stages": stages,
            "ops": ops,
            "timeline": "t",
            "told_timeline": None,
            "at": run.created_at,
        }
        await sync_to_async(write_ops)(**write)
        assert await page.next() == {"type": "recordsChanged", "revision": 2}
        await sync_to_async(write_ops)(**write)
        assert await page.silent(), "nothing has changed"
        await page.leave()
