"""Readiness and statistics as a page's SDK asks for them."""

import random
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from migration.api import accounts
from migration.lifecycle import enlist
from migration.models import Chunk, Owner
from migration.orchestration.sweeping import sweep
from migration.reports import rehearsal
from migration.rollback import Revert, revert
from migration.values.digests import fingerprint, to_wire
from migration.values.lines import encode_line
from tests.factories.doors import Browser, account, guest, make_tenant
from tests.factories.ops import Writer
from tests.factories.uploads import Entries, manifest_of, todos
from tests.factories.workers import Worker, await_workers

pytestmark = pytest.mark.django_db(transaction=True)


def checks(browser: Browser) -> dict[str, dict[str, Any]]:
    answer = browser.get("/readiness")
    assert answer.status_code == 200, answer.content
    told = msgspec.convert(answer.json(), accounts.Readiness)
    assert told.ready == all(check.severity != "issue" for check in told.checks)
    return {check["code"]: check for check in answer.json()["checks"]}


class TestReadiness:
    def test_is_given_where_everything_works(self) -> None:
        enlist()
        sweep(at=timezone.now())
        browser = account(make_tenant())
        found = checks(browser)
        assert {code for code, check in found.items() if not check["passed"]} == set()
        assert {check["severity"] for check in found.values()} == {"ok"}
        assert {"rollback_works", "encryption_keys", "workers", "schema", "stage", "backups_readable"} <= set(found)
        assert Owner.objects.count() == 1

    def test_fails_without_workers_and_says_so(self) -> None:
        connection.close()  # a worker a test before has enlisted on it
        await_workers(0)
        browser = account(make_tenant())
        workers = checks(browser)["workers"]
        assert (workers["severity"], workers["passed"]) == ("issue", False)
        assert browser.get("/readiness").json()["ready"] is False

    def test_fails_where_rollback_does_not_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forgetful(what: Revert, **given: Any) -> Any:
            outcome = revert(what, **given)
            with connection.cursor() as cursor:
                cursor.execute("UPDATE migration_record SET value = '0' WHERE value IS NOT NULL")
            return outcome

        monkeypatch.setattr(rehearsal.RollbackService, "revert", staticmethod(forgetful))
        enlist()
        found = checks(account(make_tenant()))
        assert found["rollback_works"]["severity"] == "issue"

    def test_fails_where_the_newest_backup_does_not_open(self, settings: Any) -> None:
        browser = guest(make_tenant())
        browser.upload(todos(2))
        assert checks(browser)["backups_readable"]["passed"]
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
        assert checks(browser)["backups_readable"]["severity"] == "issue"
        settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": "no key"}
        assert checks(browser)["encryption_keys"]["severity"] == "issue"

    def test_warns_of_a_stage_that_is_off_and_of_another_run(self) -> None:
        tenant = make_tenant(stage="off")
        browser = account(tenant)
        assert browser.create(todos(1)).status_code == 201
        found = checks(browser)
        assert found["stage"]["severity"] == "warning"
        assert found["no_other_run"]["severity"] == "warning"

    def test_warns_where_nothing_was_swept(self) -> None:
        assert checks(account(make_tenant()))["sweeper"]["severity"] == "warning"

    @pytest.mark.parametrize(("limit", "severity"), [(1000, "ok"), (11, "warning"), (10, "issue"), (0, "ok")])
    def test_tells_how_much_is_left_of_the_tightest_quota(self, limit: int, severity: str) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        browser.upload(todos(10))
        tenant.app.limits = {"account_entries_per_day": limit}
        tenant.app.save()
        quota = checks(browser)["quota"]
        assert quota["severity"] == severity
        assert limit in {0, 1000} or quota["detail"] == f"10 of {limit} (account_entries_per_day) are used."

    def test_is_asked_by_owners_only(self) -> None:
        assert Browser().get("/readiness").status_code == 401


class TestStatistics:
    def test_count_what_the_server_holds_and_what_a_device_lacks(self) -> None:
        tenant, worker = make_tenant(collections=[{"name": "todo", "patterns": ["todo:*"]}]), Worker()
        phone, laptop = account(tenant, "u"), account(tenant, "u")
        phone.upload(todos(5))
        while worker.work():
            pass
        told = phone.get("/statistics").json()
        found = msgspec.convert(told, accounts.Statistics)
        assert (found.database.records, found.database.tombstones, found.database.revision) == (5, 0, 5)
        assert [(one.name, one.records) for one in found.database.collections] == [("todo", 5)]
        assert found.database.bytes == found.database.collections[0].bytes > 0
        assert found.runs == {"completed": 1}
        assert found.last_receipt is not None
        assert (found.last_receipt.stored, found.backups.count, found.backups.entries) == (5, 1, 5)
        assert (found.sync.written, found.sync.behind) == (5, 0)
        behind = laptop.get("/statistics").json()["sync"]
        assert behind == {"revision": 5, "since": 0, "written": 0, "behind": 5}
        assert laptop.get("/statistics?since=4").json()["sync"]["behind"] == 1

    def test_of_an_owner_without_anything_are_noughts(self) -> None:
        told = msgspec.convert(guest(make_tenant()).get("/statistics").json(), accounts.Statistics)
        assert (told.database.records, told.database.collections, told.runs, told.last_receipt) == (0, [], {}, None)

    @pytest.mark.parametrize("since", ["-1", "x", "1" * 19, str(2**53 + 1), "٣"])
    def test_refuse_a_revision_that_is_none(self, since: str) -> None:
        assert account(make_tenant()).get(f"/statistics?since={since}").status_code == 422

    def test_ask_few_questions_whatever_is_held(self) -> None:
        browser = account(make_tenant())
        browser.upload(todos(random.randint(2, 5)))
        with connection.execute_wrapper(counting := Counting()):
            assert browser.get("/statistics").status_code == 200
        assert counting.asked <= 12

    def test_show_nothing_of_a_rehearsal(self) -> None:
        browser = account(make_tenant())
        browser.get("/readiness")
        assert browser.get("/statistics").json()["database"]["revision"] == 0
        assert not Chunk.objects.exists()


class Counting:
    """Counts statements."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.asked += 1
        return execute(sql, params, many, context)


def digests_of(entries: Entries) -> dict[str, Any]:
    named = ("name", "patterns", "buckets")
    return {"collections": [{key: one[key] for key in named} for one in manifest_of(entries)["collections"]]}


class TestComparing:
    def test_tells_refused_entries_from_lost_ones(self) -> None:
        tenant, worker = make_tenant(max_entry_bytes=200), Worker()
        browser = account(tenant)
        entries = {**todos(3), "todo:big": "x" * 300}
        browser.upload(entries)
        while worker.work():
            pass
        answer = browser.post("/records/digests", digests_of(entries))
        told = msgspec.convert(answer.json(), accounts.Compared)
        assert [(one.key_json, one.code) for one in told.quarantined] == [('"todo:big"', "entry_too_large")]
        held = {key for buckets in told.differing.values() for entries in buckets.values() for key, _ in entries}
        assert '"todo:big"' not in held
        assert told.quarantined[0].fingerprint == to_wire(fingerprint(encode_line("todo:big", "x" * 300)))

    def test_names_nothing_where_both_sides_agree(self) -> None:
        browser, worker = account(make_tenant()), Worker()
        browser.upload(todos(3))
        while worker.work():
            pass
        told = browser.post("/records/digests", digests_of(todos(3))).json()
        assert told == {"differing": {}, "quarantined": [], "next": None}

    def test_goes_on_from_the_bucket_it_is_asked_for(self) -> None:
        writer = Writer(account(make_tenant(stage="dual_write")))
        for key in todos(3):
            writer.write(key, "other")
        nothing = digests_of({})
        whole = writer.browser.post("/records/digests", nothing).json()["differing"]["default"]
        last = max(whole)
        told = writer.browser.post("/records/digests", {**nothing, "first": last}).json()
        assert told["differing"] == {"default": {last: whole[last]}}
        refused = writer.browser.post("/records/digests", {**nothing, "first": "0G"})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")
