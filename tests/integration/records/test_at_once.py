"""Devices that write at the same moment, chunks that meet ops, owners erased meanwhile: real threads, real commits."""

from typing import Any

import pytest

from migration.models import MigrationRun, Owner
from tests.factories.doors import Browser, account, at_once, make_tenant, owner_of
from tests.factories.held import records_of, values_of, versions_of
from tests.factories.ops import Writer, line
from tests.factories.uploads import chunk_of, manifest_of, todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def work() -> None:
    Worker().work_until_done()


def revisions(owner: Owner) -> list[int]:
    return sorted(one.revision for one in [*records_of(owner).values(), *versions_of(owner)])


class TestAtOnce:
    def test_two_devices_of_one_owner_leave_no_gap_and_lose_nothing(self) -> None:
        tenant = make_tenant(conflict_policy="AUTO_OVERWRITE")
        devices = [Writer(account(tenant, "user")) for _ in range(2)]
        devices[0].write("first", "1")

        def write(number: int) -> list[dict[str, Any]]:
            return [devices[number].write(f"k{turn % 3}", f"{number}:{turn}") for turn in range(15)]

        told = at_once(2, write)
        owner = owner_of(devices[0].browser, tenant)
        assert revisions(owner) == list(range(1, 32))
        given = [one["revision"] for answers in told for one in answers]
        assert sorted(given) == list(range(2, 32)), "each write was given a revision of its own"
        assert values_of(owner) == {"first": "1", **devices[0].changes(since=1)}

    def test_the_same_batch_twice_is_written_once(self) -> None:
        tenant = make_tenant()
        device = Writer(account(tenant, "user"))
        device.write("first", "1")
        ops = [device.op(f"k{number}", "v") for number in range(20)]
        answers = at_once(4, lambda _: device.send(*ops))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert revisions(owner_of(device.browser, tenant)) == list(range(1, 22))

    def test_ops_and_batches_of_chunks_take_turns(self) -> None:
        tenant = make_tenant(conflict_policy="AUTO_OVERWRITE")
        loader, writer = account(tenant, "user"), Writer(account(tenant, "user"))
        writer.write("first", "1")
        loader.upload(todos(200))

        def do(number: int) -> None:
            if number:
                for turn in range(20):
                    writer.write(f"todo:{turn}", "mine")
            else:
                work()

        at_once(2, do)
        work()
        owner = owner_of(loader, tenant)
        assert revisions(owner) == list(range(1, owner.revision + 1))
        assert MigrationRun.objects.get().state == "completed"


class TestAChunkAndAnOp:
    """A device that is still on its first run writes by ops already."""

    def begin(self, **columns: Any) -> tuple[Browser, str]:
        browser = account(make_tenant(**columns), "user")
        return browser, str(browser.create(todos(3)).json()["id"])

    def test_the_op_stays_although_the_older_chunk_is_loaded_later(self) -> None:
        browser, run_id = self.begin()
        device = Writer(browser, seq=10)
        assert browser.put(run_id, chunk_of(todos(3), seq=5)).status_code == 201
        assert device.write("todo:1", "newer")["outcome"] == "accepted"
        assert device.write("todo:2", None)["outcome"] == "accepted"
        assert browser.seal(run_id, manifest_of(todos(3))).status_code == 200
        work()
        owner = Owner.objects.get(devices__key=browser.device)
        assert values_of(owner) == {**todos(3), "todo:1": "newer", "todo:2": None}
        run = browser.get(f"/runs/{run_id}").json()
        assert (run["state"], run["entries"]["superseded"]) == ("completed", 2)

    def test_the_op_stays_although_another_device_wrote_over_it_before_the_chunk_came(self) -> None:
        browser, run_id = self.begin(conflict_policy="AUTO_OVERWRITE")
        device, other = Writer(browser, seq=10), Writer(Browser(token=browser.token))
        written = device.write("todo:1", "newer")
        other.write("todo:1", "others", base=written["revision"])
        browser.put(run_id, chunk_of(todos(3), seq=5))
        browser.seal(run_id, manifest_of(todos(3)))
        work()
        owner = Owner.objects.get(devices__key=browser.device)
        assert values_of(owner) == {**todos(3), "todo:1": "others"}
        assert browser.get(f"/runs/{run_id}").json()["state"] == "completed"

    def test_the_op_goes_over_an_older_chunk(self) -> None:
        browser, run_id = self.begin()
        browser.put(run_id, chunk_of(todos(3), seq=5))
        browser.seal(run_id, manifest_of(todos(3)))
        work()
        assert Writer(browser, seq=10).write("todo:1", "newer")["outcome"] == "accepted"
        owner = Owner.objects.get(devices__key=browser.device)
        assert values_of(owner) == {**todos(3), "todo:1": "newer"}


class TestAnErasedOwner:
    def test_is_written_no_more(self) -> None:
        browser = account(make_tenant(), "user")
        device = Writer(browser)
        op = device.op("k", "v")
        assert device.send(op).status_code == 200
        assert browser.post("/owner/erase", {"confirm": "erase"}).status_code == 202
        for answer in (device.send(op), device.send(device.op("k", "w")), browser.get("/conflicts")):
            assert (answer.status_code, answer.json()["code"]) == (410, "erased")
        work()
        assert Owner.objects.count() == 0
        answer = device.send({"seq": 9, "line": line("k", "back")})
        assert (answer.status_code, answer.json()["code"]) == (410, "erased")

    def test_is_not_brought_back_by_ops_that_are_under_way(self) -> None:
        browser = account(make_tenant(), "user")
        device = Writer(browser)
        device.write("k", "v")

        def do(number: int) -> Any:
            if number:
                return browser.post("/owner/erase", {"confirm": "erase"})
            return [device.send(device.op(f"k{turn}", "v")) for turn in range(10)]

        answers, asked = at_once(2, do)
        assert asked.status_code == 202
        assert {answer.status_code for answer in answers} <= {200, 409, 410}
        work()
        assert Owner.objects.count() == 0
