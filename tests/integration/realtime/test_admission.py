import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from migration.models import MigrationRun
from migration.realtime import limits
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.factories.origins import LOOK_ALIKES
from tests.integration.realtime.sockets import APPLICATION, ORIGIN, PROTOCOL, Page, in_a_loop, ticket_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> MigrationRun:
    return make_run(make_device(make_owner(make_app(allowed_origins=[ORIGIN]))))


def address(run: MigrationRun) -> str:
    return f"/ws/v1/runs/{run.id}"


class TestAdmission:
    @in_a_loop
    async def test_takes_a_ticket_once(self, run: MigrationRun) -> None:
        ticket = await ticket_for(run)
        first = await Page(address(run), ticket).open()
        assert (await first.next())["type"] == "snapshot"
        second = await Page(address(run), ticket).open()
        assert await second.next() == {"closed": 4401}
        await first.leave()

    @pytest.mark.parametrize("ticket", [None, "", "made-up"])
    @in_a_loop
    async def test_refuses_what_is_no_ticket(self, run: MigrationRun, ticket: str | None) -> None:
        page = await Page(address(run), ticket).open()
        assert await page.next() == {"closed": 4401}

    @in_a_loop
    async def test_refuses_a_page_of_another_origin(self, run: MigrationRun) -> None:
        page = await Page(address(run), await ticket_for(run), origin=f"{ORIGIN}.evil.org").open()
        assert await page.next() == {"closed": 4403}

    @in_a_loop
    async def test_refuses_every_look_alike(self, run: MigrationRun) -> None:
        assert len(LOOK_ALIKES) >= 25
        for origin in LOOK_ALIKES:
            for path, whole in ((address(run), False), ("/ws/v1/owner", True)):
                written = origin.encode().decode("latin-1")
                page = await Page(path, await ticket_for(run, whole_owner=whole), origin=written).open()
                assert await page.next() == {"closed": 4403}, (origin, path)

    @in_a_loop
    async def test_does_not_know_foreign_runs(self, run: MigrationRun) -> None:
        foreign = await sync_to_async(make_run)(await sync_to_async(make_device)(run.owner))
        page = await Page(address(foreign), await ticket_for(run)).open()
        assert await page.next() == {"closed": 4404}

    @in_a_loop
    async def test_does_not_know_the_runs_of_another_owner(self, run: MigrationRun) -> None:
        stranger = await sync_to_async(make_run)()
        page = await Page(address(stranger), await ticket_for(run, whole_owner=True)).open()
        assert await page.next() == {"closed": 4404}

    @in_a_loop
    async def test_keeps_a_runs_ticket_from_the_owners_socket(self, run: MigrationRun) -> None:
        page = await Page("/ws/v1/owner", await ticket_for(run)).open()
        assert await page.next() == {"closed": 4404}

    @in_a_loop
    async def test_lets_staff_in_from_the_servers_own_pages_only(self, run: MigrationRun) -> None:
        own = Page(
            address(run), await ticket_for(run, staff=True), origin="https://ops.example.com", host="ops.example.com"
        )
        assert (await (await own.open()).next())["type"] == "snapshot"
        await own.leave()
        for origin in (ORIGIN, None):
            other = Page(address(run), await ticket_for(run, staff=True), origin=origin, host="ops.example.com")
            assert await (await other.open()).next() == {"closed": 4403}

    @in_a_loop
    async def test_speaks_only_its_own_protocol(self, run: MigrationRun) -> None:
        ticket = await ticket_for(run)
        socket = WebsocketCommunicator(APPLICATION, address(run), subprotocols=[f"ticket.{ticket}"])
        assert await socket.connect() == (False, 1000)

    @in_a_loop
    async def test_knows_no_other_address(self, run: MigrationRun) -> None:
        socket = WebsocketCommunicator(APPLICATION, "/ws/v1/everything", subprotocols=[PROTOCOL])
        assert await socket.connect() == (False, 1000)


class TestFrames:
    @in_a_loop
    async def test_a_ping_is_answered(self, run: MigrationRun) -> None:
        page = await Page(address(run), await ticket_for(run)).open()
        await page.next()
        await page.say(text_data="ping")
        assert await page.next() == {"type": "pong"}
        await page.leave()

    @pytest.mark.parametrize(
        ("frames", "code"),
        [
            pytest.param([{"text_data": '{"type":"subscribe"}'}], 1008, id="a command"),
            pytest.param([{"text_data": "x" * 129}], 1009, id="a long one"),
            pytest.param([{"bytes_data": b"ping"}], 1003, id="bytes"),
            pytest.param([{"text_data": "ping"}] * 11, 1008, id="a flood"),
        ],
    )
    @in_a_loop
    async def test_anything_else_ends_the_socket(
        self, run: MigrationRun, frames: list[dict[str, object]], code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "PER_SECOND", 0.0)  # however long the frames take
        page = await Page(address(run), await ticket_for(run)).open()
        await page.next()
        for frame in frames:
            await page.say(**frame)
        for _ in frames[1:]:
            assert await page.next() == {"type": "pong"}
        assert await page.next() == {"closed": code}
