"""Going back at the wrong moment: during an upload, under writers, over disputes, with the browser or its room gone."""

import gzip
import json
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from migration.errors import WrongState
from migration.models import App, Conflict, MigrationRun, Owner, QuarantineEntry, Restoration
from migration.orchestration import restoring, rolling_back
from tests.factories.doors import Browser, Tenant, account, at_once, make_tenant, owner_of
from tests.factories.held import losers_of, records_of, values_of, versions_of
from tests.factories.loads import at_stage
from tests.factories.ops import Writer
from tests.factories.uploads import chunk_of, manifest_of, todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)
STAGES = ("dual_write", "server_primary", "complete")


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(conflict_policy="AUTO_OVERWRITE")


@pytest.fixture
def phone(tenant: Tenant) -> Browser:
    return account(tenant, "user")


def work() -> None:
    Worker().work_until_done()


def point(browser: Browser) -> str:
    return str(browser.post("/rollback-points", {"name": "here"}).json()["id"])


def take_back(browser: Browser, aim: str) -> dict[str, Any]:
    asked = browser.post(f"/rollback-points/{aim}/rollback", {"idempotency_key": str(uuid4())})
    assert asked.status_code == 202, asked.content
    work()
    done = dict(browser.get(f"/rollbacks/{asked.json()['id']}").json())
    assert done["state"] == "done"
    return done


def undo(browser: Browser, done: dict[str, Any]) -> None:
    assert browser.post(f"/rollbacks/{done['id']}/undo", {"idempotency_key": str(uuid4())}).status_code == 202
    work()


def put_on(browser: Browser, tenant: Tenant) -> None:
    rolling_back.put_owner_on(owner_id=owner_of(browser, tenant).id, actor="operator", at=timezone.now())


def live(owner: Owner) -> dict[str, str]:
    return {key: value for key, value in values_of(owner).items() if value is not None}


class TestWhereTheServerHasWrittenByItself:
    @pytest.mark.parametrize("stage", STAGES)
    def test_what_only_it_wrote_is_set_aside_and_comes_back_by_undoing(
        self, tenant: Tenant, phone: Browser, stage: str
    ) -> None:
        """A restored backup and a choice in a conflict: no browser has these writes."""
        phone.upload(todos(3))
        work()
        owner = owner_of(phone, tenant)
        at_stage(tenant.app, stage)
        writer = Writer(phone, seq=10)
        for key in ("todo:0", "todo:1"):
            writer.write(key, "edited", base=owner.revision)
        aim = point(phone)
        backup = phone.get("/backups").json()["backups"][0]["id"]
        restoring.restore_backup(
            owner_id=owner.id, backup_id=backup, mode=Restoration.Mode.REPLACE,
            idempotency_key=uuid4(), actor="test", at=timezone.now(),
        )  # fmt: skip
        assert live(owner) == todos(3)
        done = take_back(phone, aim)
        assert live(owner) == {**todos(3), "todo:0": "edited", "todo:1": "edited"}
        assert done["journaled"] == 2
        lost = {(key, value) for key, value, _ in losers_of(owner)}
        assert {(key, todos(3)[key]) for key in ("todo:0", "todo:1")} <= lost
        undo(phone, done)
        assert live(owner) == todos(3)

    def test_its_revisions_say_what_they_are_so_that_a_browser_leaves_itself_alone(
        self, tenant: Tenant, phone: Browser
    ) -> None:
        """Undoing a first run empties the server; what travels down says `rollback`, and no browser obeys that."""
        run = phone.upload(todos(3))
        work()
        since = phone.get("/records").json()["until"]
        assert phone.post(f"/runs/{run}/rollback", {"idempotency_key": str(uuid4())}).status_code == 202
        work()
        changes = phone.get(f"/records?since={since}").json()["changes"]
        assert {(one["cause"], len(json.loads(one["line"]))) for one in changes} == {("rollback", 1)}
        assert len(changes) == 3
        assert live(owner_of(phone, tenant)) == {}


class TestWithTheBrowserOrItsRoomGone:
    def test_an_evicted_browser_still_has_its_backup_and_nothing_is_put_into_it(
        self, tenant: Tenant, phone: Browser
    ) -> None:
        phone.upload(todos(4))
        work()
        aim = point(phone)
        Writer(phone, seq=10).write("todo:0", "later", base=4)
        come_back = account(tenant, "user")  # another device: the old one's storage is gone
        take_back(come_back, aim)
        changes = come_back.get("/records?since=0").json()["changes"]
        assert {one["cause"] for one in changes if one["revision"] > 5} == {"rollback"}
        [backup] = come_back.get("/backups").json()["backups"]
        taken = come_back.get(f"/backups/{backup['id']}/download")
        lines = gzip.decompress(taken.getvalue()).splitlines()
        assert dict(map(json.loads, lines)) == todos(4), "what the browser once had, byte for byte"

    def test_more_than_any_browser_holds_goes_back_and_is_told_in_pages(self, tenant: Tenant, phone: Browser) -> None:
        big = {f"big:{number}": chr(97 + number) * 1_000_000 for number in range(6)}
        writer = Writer(phone, seq=10)
        for key, value in big.items():
            writer.write(key, value)
        aim = point(phone)
        for key in big:
            writer.write(key, "small")
        done = take_back(phone, aim)
        assert (done["reverted"], done["journaled"]) == (6, 6)
        assert live(owner_of(phone, tenant)) == big
        page = phone.get("/records?since=12").json()
        assert sum(len(one["line"]) for one in page["changes"]) > 5_242_880


class TestAfterIt:
    def test_nothing_goes_up_by_itself_until_an_operator_puts_the_owner_on(
        self, tenant: Tenant, phone: Browser
    ) -> None:
        """Else a page that is open would send at once what has just been taken back."""
        writer, neighbour = Writer(phone), Writer(account(tenant, "neighbour"))
        writer.write("k", "old")
        aim = point(phone)
        writer.write("k", "new")
        told = phone.get("/config").json()
        assert told["stage"] == "dual_write"
        done = take_back(phone, aim)
        now = phone.get("/config").json()
        assert (now["stage"], now["epoch"]) == ("off", "1.2")
        late = phone.post("/records", {"ops": [writer.op("k", "new")]}, **{"Migration-Epoch": told["epoch"]})
        assert late.status_code == 409
        refused = writer.send(writer.op("k", "new"))
        assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
        assert live(owner_of(phone, tenant)) == {"k": "old"}
        assert neighbour.write("k", "x")["outcome"] == "accepted"
        assert neighbour.browser.get("/config").json()["stage"] == "dual_write"

        undo(phone, done)
        assert phone.get("/config").json()["stage"] == "off", "the way back from the way back is one, too"
        put_on(phone, tenant)
        assert phone.get("/config").json()["stage"] == "dual_write"
        assert writer.write("k", "newer")["outcome"] in {"accepted", "conflict"}
        assert live(owner_of(phone, tenant)) == {"k": "newer"}
        with pytest.raises(WrongState):
            put_on(phone, tenant)


class TestDuringAnUpload:
    def test_stops_it_and_resuming_brings_all_of_it(self, tenant: Tenant, phone: Browser) -> None:
        entries = todos(20)
        aim = point(phone)
        run = str(phone.create(entries).json()["id"])
        half, rest = dict(list(entries.items())[:10]), dict(list(entries.items())[10:])
        assert phone.put(run, chunk_of(half)).status_code == 201
        work()
        epoch = phone.get("/config").json()["epoch"]
        take_back(phone, aim)
        owner = owner_of(phone, tenant)
        assert live(owner) == {}
        late = phone.put(run, chunk_of(rest, seq=2), **{"Migration-Epoch": epoch})
        assert (late.status_code, late.json()["code"]) == (409, "stale_epoch")
        work()
        assert live(owner) == {}, "what was on its way is not written after the rollback"
        assert phone.put(run, chunk_of(rest, seq=2)).status_code in {201, 409}
        other = phone.upload(entries)
        work()
        assert MigrationRun.objects.get(id=other).state == "completed"
        assert live(owner) == entries


class TestUnderWriters:
    def test_of_two_devices_nothing_acknowledged_is_lost_to_sight(self, tenant: Tenant, phone: Browser) -> None:
        """Every acknowledged value is held, in history, or in the journal, however rollbacks and writes interleave."""
        writers = [Writer(phone), Writer(account(tenant, "user"))]
        writers[0].write("first", "1")
        aim = point(phone)
        numbers = count()

        def do(number: int) -> set[tuple[str, str]]:
            if number == 2:
                for _ in range(4):
                    take_back(phone, aim)
                    put_on(phone, tenant)
                return set()
            acked = set()
            for turn in range(20):
                value = f"{number}:{next(numbers)}"
                op = writers[number].op(f"k{turn % 3}", value)
                while (answer := writers[number].send(op)).status_code == 409:
                    assert answer.json()["code"] in {"stale_epoch", "wrong_state"}, "new epoch, or off"
                assert answer.status_code == 200
                acked.add((f"k{turn % 3}", value))
            return acked

        told: set[tuple[str, str]] = set.union(*at_once(3, do))
        owner = owner_of(phone, tenant)
        held = {(one.key, one.value) for one in [*records_of(owner).values(), *versions_of(owner)]}
        assert told - held - {(key, value) for key, value, _ in losers_of(owner)} == set()
        every = [one.revision for one in [*records_of(owner).values(), *versions_of(owner)]]
        owner.refresh_from_db()
        assert sorted(every) == list(range(1, owner.revision + 1)), "the revisions have gaps"
        take_back(phone, aim)
        assert live(owner) == {"first": "1"}


class TestOverWhatIsOpen:
    def test_a_conflict_stays_open_with_both_of_its_sides(self) -> None:
        tenant = make_tenant(conflict_policy="INTERACTIVE")
        phone, laptop = Writer(account(tenant, "user")), Writer(account(tenant, "user"))
        phone.write("k", "base")
        aim = point(phone.browser)
        phone.write("k", "phone's", base=1)
        assert laptop.write("k", "laptop's", base=1)["outcome"] == "conflict"
        take_back(phone.browser, aim)
        owner = owner_of(phone.browser, tenant)
        assert live(owner) == {"k": "base"}
        listed = phone.browser.get("/conflicts?state=open").json()["conflicts"]
        assert [json.loads(one["local"])[1] for one in listed] == ["laptop's"]
        for choice, value in (("local", "laptop's"), ("remote", None)):
            [conflict] = [one for one in Conflict.objects.filter(owner_id=owner.id) if one.policy == "INTERACTIVE"]
            answer = phone.browser.post(f"/conflicts/{conflict.id}/resolve", {"choice": choice})
            assert answer.status_code == 200, answer.content
            if value is not None:
                assert live(owner) == {"k": value}
        lost = {value for _, value, _ in losers_of(owner)}
        assert lost == {"laptop's", "phone's"}

    def test_a_refused_entry_stays_where_it_can_be_mended(self, tenant: Tenant, phone: Browser) -> None:
        App.objects.filter(id=tenant.app.id).update(max_entry_bytes=80)
        aim = point(phone)
        entries = {**todos(2), "todo:9": "x" * 200}
        run = str(phone.create(entries).json()["id"])
        assert phone.put(run, chunk_of(entries)).status_code == 201
        assert phone.seal(run, manifest_of(entries)).status_code == 200
        work()
        take_back(phone, aim)
        refused = QuarantineEntry.objects.get()
        assert (refused.state, json.loads(bytes(refused.line))[0]) == ("open", "todo:9")
        assert len(phone.get("/quarantine").json()["quarantine"]) == 1
        assert live(owner_of(phone, tenant)) == {}
