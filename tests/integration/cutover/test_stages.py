"""What is requested of collections, what of it a browser is told, and what follows for its writes."""

from typing import Any

import msgspec
import pytest

from migration.cutover import BUCKETS, Config, bucket_of
from migration.models import App, Device, MigrationRun, Owner
from tests.factories.doors import Browser, Tenant, account, guest_id, make_tenant, owner_of
from tests.factories.held import losers_of, values_of
from tests.factories.loads import at_stage, give_receipt, make_device, make_run, put_chunk
from tests.factories.ops import Writer

pytestmark = pytest.mark.django_db

COLLECTIONS = [{"name": name, "patterns": [f"{name}:*"]} for name in ("notes", "todos")]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant(collections=COLLECTIONS)


def stages(browser: Browser, **headers: str) -> dict[str, dict[str, Any]]:
    config = browser.get("/config", **headers).json()
    msgspec.convert(config, Config)
    return {one["collection"]: one for one in config["stages"]}


def with_receipt(browser: Browser) -> Browser:
    browser.get("/runs")
    give_receipt(Device.objects.get(key=browser.device))
    return browser


class TestWhatABrowserIsTold:
    def test_says_how_long_its_copy_passes_for_the_servers(self, tenant: Tenant) -> None:
        assert account(tenant).get("/config").json()["limits"]["lease_seconds"] == 86_400
        App.objects.filter(id=tenant.app.id).update(limits={"read_lease_seconds": 3_600})
        assert account(tenant).get("/config").json()["limits"]["lease_seconds"] == 3_600

    def test_is_one_line_for_the_rest_where_nothing_was_changed(self, tenant: Tenant) -> None:
        told = account(tenant).get("/config").json()
        assert (told["panic"], told["stage"]) == (False, "dual_write")
        assert told["stages"] == [
            {
                "collection": "",
                "requested": "dual_write",
                "percentage": 0,
                "stage": "dual_write",
                "reason": "as_requested",
                "reads": "browser",
                "compare": None,
            }
        ]

    def test_differs_with_the_devices_own_receipt(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "server_primary", collection="notes")
        phone, laptop = with_receipt(account(tenant, "user")), account(tenant, "user")
        for browser, stage, reason, reads in [
            (phone, "server_primary", "as_requested", "server"),
            (laptop, "dual_write", "no_receipt", "browser"),
            (Browser(extra={"Migration-App": tenant.key}), "dual_write", "no_receipt", "browser"),
        ]:
            told = stages(browser)
            assert set(told) == {"", "notes"}
            assert (told["notes"]["stage"], told["notes"]["reason"], told["notes"]["reads"]) == (stage, reason, reads)
            assert told["notes"]["requested"] == "server_primary"
            assert told[""]["stage"] == "dual_write"

    def test_is_off_for_an_owner_a_rollback_took_off(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "ramp", percentage=BUCKETS)
        browser = with_receipt(account(tenant))
        Owner.objects.update(switched_off=True)
        told = browser.get("/config").json()
        assert (told["stage"], told["stages"][0]["reason"]) == ("off", "owner_off")

    def test_of_a_ramp_is_by_bucket_and_names_what_to_compare(self, tenant: Tenant) -> None:
        browser = with_receipt(account(tenant))
        bucket = bucket_of(owner_id=owner_of(browser, tenant).id, salt=tenant.app.salt)
        for percentage, stage, reason in [
            (bucket, "shadow", "outside_percentage"),
            (bucket + 1, "ramp", "as_requested"),
        ]:
            at_stage(tenant.app, "ramp", percentage=percentage)
            told = stages(browser)[""]
            assert (told["stage"], told["reason"], told["percentage"]) == (stage, reason, percentage)
            assert told["compare"] == {"rate": 0.1, "ignore": [], "comparator": "exact"}

    def test_of_a_panic_is_that_everybody_reads_the_browser(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "complete")
        browser = with_receipt(account(tenant))
        App.objects.filter(id=tenant.app.id).update(panic=True)
        told = browser.get("/config").json()
        assert (told["panic"], told["stage"], told["stages"][0]["reason"]) == (True, "dual_write", "panic")

    def test_has_a_tag_of_its_own_for_each_device(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "server_primary")
        phone, laptop = with_receipt(account(tenant, "user")), account(tenant, "user")
        laptop.get("/runs")
        tag = phone.get("/config").headers["ETag"]
        assert phone.get("/config", **{"If-None-Match": tag}).status_code == 304
        assert laptop.get("/config", **{"If-None-Match": tag}).status_code == 200
        assert "private" in phone.get("/config").headers["Cache-Control"]

    def test_comes_with_a_guests_session(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "server_primary")
        browser, body = Browser(), {"app_key": tenant.key, "guest": guest_id()}
        first = browser.post("/sessions", body).json()
        assert first["config"]["stages"][0]["reason"] == "no_receipt"
        browser.token = first["token"]
        with_receipt(browser)
        assert browser.post("/sessions", body).json()["config"]["stages"][0]["reads"] == "server"
        assert Browser().post("/sessions", body).json()["config"]["stages"][0]["reads"] == "browser"

    def test_under_an_older_epoch_is_the_configuration_of_now(self, tenant: Tenant) -> None:
        """The epoch rises after the caller was found: the answer carries what holds since."""
        browser = with_receipt(account(tenant))
        at_stage(tenant.app, "shadow")
        told = browser.get("/runs", **{"Migration-Epoch": "1.1"}).json()
        assert (told["code"], told["epoch"], told["config"]["epoch"]) == ("stale_epoch", "2.1", "2.1")
        assert told["config"]["stages"][0]["stage"] == "shadow"


class TestAReceipt:
    def test_counts_while_its_run_is_not_taken_back(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "server_primary")
        browser = with_receipt(account(tenant))
        assert stages(browser)[""]["reads"] == "server"
        MigrationRun.objects.update(state="rolled_back")
        assert stages(browser)[""]["reason"] == "no_receipt"

    @pytest.mark.parametrize("columns", [{"dry_run": True}, {"purpose": "backup"}])
    def test_of_what_stores_no_record_does_not_count(self, tenant: Tenant, columns: dict[str, Any]) -> None:
        at_stage(tenant.app, "server_primary")
        browser = with_receipt(account(tenant))
        MigrationRun.objects.update(**columns)
        assert stages(browser)[""]["reason"] == "no_receipt"


class TestOps:
    def test_of_a_collection_that_is_off_are_refused_and_block_no_other(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "off", collection="notes")
        writer = Writer(account(tenant))
        answer = writer.send(writer.op("notes:1", "n"), writer.op("todos:1", "t"), writer.op("other", "o"))
        told = [(one["outcome"], one.get("reason")) for one in answer.json()["outcomes"]]
        assert told == [("refused", "stage_off"), ("accepted", None), ("accepted", None)]
        assert values_of(owner_of(writer.browser, tenant)) == {"todos:1": "t", "other": "o"}

    def test_of_the_only_collection_that_is_on_are_written(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "off")
        at_stage(tenant.app, "dual_write", collection="todos")
        writer = Writer(account(tenant))
        answer = writer.send(writer.op("notes:1", "n"), writer.op("todos:1", "t"))
        assert [one["outcome"] for one in answer.json()["outcomes"]] == ["refused", "accepted"]

    def test_that_are_refused_meanwhile_are_taken_once_the_collection_is_on(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "off", collection="notes")
        writer = Writer(account(tenant))
        op = writer.op("notes:1", "n")
        assert writer.send(op, writer.op("todos:1", "t")).json()["outcomes"][0]["outcome"] == "refused"
        at_stage(tenant.app, "dual_write", collection="notes")
        assert writer.send(op).json()["outcomes"][0]["outcome"] == "accepted"

    def test_that_tie_are_decided_by_collection_and_device(self, tenant: Tenant) -> None:
        at_stage(tenant.app, "server_primary", collection="notes")
        for receipted, notes in [(False, '{"a":3}'), (True, '{"a":2}')]:
            one, other = [Writer(account(tenant, f"user {receipted}")) for _ in range(2)]
            if receipted:
                with_receipt(other.browser)
            for key in ("notes:1", "todos:1"):
                base = one.write(key, '{"a":1}')["revision"]
                one.write(key, '{"a":2}', base=base)
                other.write(key, '{"a":3}', base=base)
            assert values_of(owner_of(one.browser, tenant)) == {"notes:1": notes, "todos:1": '{"a":3}'}


class TestLoading:
    @pytest.fixture
    def tie(self, worker: Any) -> Any:
        """Load what a second device holds otherwise; return what the server holds then, and who won."""

        def do(stage: str, *, receipted: bool, collection: str = "") -> tuple[str | None, str]:
            device = make_device()
            other = make_device(device.owner)
            patterns = [{"name": "notes", "patterns": ["notes:*"]}]
            for one, value in ((device, "[1]"), (other, "[2]")):
                if one is other:
                    at_stage(device.owner.app, stage, collection=collection)
                    if receipted:
                        give_receipt(other)
                put_chunk(make_run(one, collections=patterns), [("notes:1", value)], seq=1)
                worker.load_all()
            [(_, _, winner)] = losers_of(device.owner)
            return values_of(device.owner)["notes:1"], winner

        return do

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        ("stage", "receipted", "collection", "held"),
        [
            ("shadow", True, "", ("[2]", "arriving")),
            ("server_primary", False, "", ("[2]", "arriving")),
            ("server_primary", True, "", ("[1]", "server")),
            ("server_primary", True, "notes", ("[1]", "server")),
            ("server_primary", True, "todos", ("[2]", "arriving")),
            ("complete", False, "", ("[1]", "server")),
        ],
    )
    def test_gives_ties_to_whom_the_stage_of_the_device_says(
        self, tie: Any, stage: str, receipted: bool, collection: str, held: tuple[str, str]
    ) -> None:
        assert tie(stage, receipted=receipted, collection=collection) == held
