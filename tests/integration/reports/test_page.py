"""The report as a page: all is on it, nothing of it runs or leads away, whatever an app or a key is called."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from migration.api import accounts
from migration.models import CollectionSchema, DriftNotice, MigrationRun, RollbackPoint
from migration.progress import record_error
from migration.reports import html_report, whole_report
from migration.reports.chunks import BUCKETS
from migration.reports.page import POLICY
from tests.factories.doors import Browser, account, make_tenant
from tests.factories.loads import make_run
from tests.factories.uploads import ChunkUpload, chunk_of, manifest_of, todos
from tests.factories.workers import Worker

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style><script>alert(1)</script>",
    "{{ report }}{% debug %}",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "items",
]
PLOTS = {"Rate over time", "Phases", "Entries by collection", "Errors by code", "Entries of a batch"}


class Page(HTMLParser):
    """What a browser would make of a page: its elements, the attributes they have, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self) -> Iterator[tuple[str, str, str]]:
        for tag, attributes in self.tags:
            for name, value in attributes.items():
                yield tag, name, value or ""


def inert(page: Page) -> bool:
    """Tell whether nothing on the page runs, loads or leads away."""
    allowed = {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "h1",
            "h2",
            "p",
            "strong",
            "code",
            "dl",
            "dt",
            "dd",
        ),
        *("table", "thead", "tbody", "tr", "th", "td", "svg", "g", "path", "rect", "circle", "text", "desc"),
    }
    assert {tag for tag, _ in page.tags} <= allowed
    for tag, name, value in page.attributes():
        assert not name.startswith("on"), (tag, name)
        assert name not in {"src", "href", "style", "action", "xlink:href"}, (tag, name)
        if name != "xmlns":
            assert "//" not in value, (tag, name, value)
    return True


def migrated(browser: Browser, worker: Worker, entries: dict[str, str | None], **collections: Any) -> str:
    manifest = manifest_of(entries, **collections)
    run_id = str(browser.post("/runs", {"id": browser.device, "manifest": manifest}).json()["id"])
    assert browser.put(run_id, chunk_of(entries), **{"Migration-Reason": "first"}).status_code == 201
    assert browser.seal(run_id, manifest).status_code == 200
    while worker.work():
        pass
    return run_id


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    return Worker()


class TestThePage:
    @pytest.mark.parametrize("asked", ["?format=html", ""])
    def test_is_answered_to_whoever_asks_for_it_and_does_nothing(self, worker: Worker, asked: str) -> None:
        browser = account(make_tenant())
        run_id = migrated(browser, worker, todos(7))
        accept = {} if asked else {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        answer = browser.get(f"/runs/{run_id}/report{asked}", **accept)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        page = Page(answer.content.decode())
        assert inert(page)
        assert "Verified." in page.text
        assert "Rollback works:" in page.text
        drawn = [tag for tag, attributes in page.tags if tag == "svg" and attributes.get("role") == "img"]
        assert len(drawn) == 7
        for title in PLOTS:
            assert title in page.text
        assert "all_that_waited" in page.text
        assert "first" in page.text

    def test_is_json_without_being_asked(self, worker: Worker) -> None:
        browser = account(make_tenant())
        run_id = migrated(browser, worker, todos(3))
        answer = browser.get(f"/runs/{run_id}/report", Accept="*/*")
        told = msgspec.convert(answer.json(), accounts.Report)
        assert told.moved.verified
        assert (told.moved.stored.entries, told.moved.withheld.entries) == (3, 0)
        assert told.moved.stored.digest == answer.json()["run"]["receipt"]["statement"]["stored"]["digest"]
        assert [one["reason"] for one in told.uploads] == ["first"]
        assert [(one["reason"], one["batches"], one["chunks"]) for one in told.batches] == [("all_that_waited", 1, 1)]
        assert {phase.name for phase in told.phases} == {"upload", "validation", "backup", "load", "verification"}
        assert (sum(told.rate.arrived), sum(told.rate.loaded)) == (3, 3)
        assert told.rollback["rehearsal"]["passed"]

    def test_of_anothers_run_is_not_there_in_any_form(self, worker: Worker) -> None:
        tenant = make_tenant()
        run_id = migrated(account(tenant, "a"), worker, todos(1))
        for asked in ("?format=html", "?format=json"):
            assert account(tenant, "b").get(f"/runs/{run_id}/report{asked}").status_code == 404

    @pytest.mark.parametrize("hostile", HOSTILE)
    def test_shows_hostile_names_as_text(self, worker: Worker, hostile: str) -> None:
        tenant = make_tenant()
        tenant.app.name = hostile
        tenant.app.save()
        browser = account(tenant, hostile, extra={"User-Agent": hostile.encode("ascii", "replace").decode()})
        entries = {f"{hostile}:{number}": hostile for number in range(3)}
        run_id = migrated(browser, worker, entries, collections=((hostile, (f"{hostile}:*",)),))
        RollbackPoint.objects.update(name=hostile)
        record_error(UUID(run_id), hostile[:64], hostile, timezone.now())
        page = Page(html_report(UUID(run_id), at=timezone.now()))
        assert inert(page)
        assert "\u202e" not in page.text
        assert hostile.replace("\u202e", "\\u202e") in page.text

    def test_shows_drift_to_operators_and_to_no_owner(self, worker: Worker) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        run_id = migrated(browser, worker, todos(2))
        at = timezone.now()
        schema, _ = CollectionSchema.objects.get_or_create(
            app=tenant.app, collection="todo", defaults={"created_at": at, "updated_at": at}
        )
        DriftNotice.objects.create(
            app=tenant.app,
            schema=schema,
            kind=DriftNotice.Kind.NEW_MEMBER,
            path="/<script>alert(1)</script>",
            detail="a new member",
            count=3,
            looked_at=9,
            sampled_before=100,
            first_seen=at,
            last_seen=at,
        )
        page = Page(html_report(UUID(run_id), at=at))
        assert inert(page)
        assert "/<script>alert(1)</script>" in page.text
        assert "a new member" not in browser.get(f"/runs/{run_id}/report").content.decode()

    def test_carries_its_policy_when_it_is_saved(self, worker: Worker) -> None:
        run_id = migrated(account(make_tenant()), worker, todos(1))
        page = Page(html_report(UUID(run_id), at=timezone.now()))
        assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in page.tags

    def test_shows_a_run_that_has_nothing_yet(self, worker: Worker) -> None:
        page = Page(html_report(make_run().id, at=timezone.now()))
        assert inert(page)
        assert "There is nothing to show yet." in page.text
        assert "Not verified." in page.text


class TestChunksSizes:
    @pytest.mark.parametrize("reason", ["Grow", "a b", "x" * 41, "a-b"])
    def test_are_said_by_a_code_or_not_at_all(self, worker: Worker, reason: str) -> None:
        browser = account(make_tenant())
        run_id = browser.create(todos(1)).json()["id"]
        chunk: ChunkUpload = chunk_of(todos(1))
        assert browser.put(run_id, chunk, **{"Migration-Reason": reason}).status_code == 422
        assert browser.put(run_id, chunk).status_code == 201


class TestALargeRun:
    def test_is_told_in_a_few_hundred_numbers_and_as_few_questions(self, worker: Worker) -> None:
        run = make_run()
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO migration_chunk (run_id, key, owner_id, app_id, seq, entries, payload_bytes, sha256,
                          encoding, sealed_payload, wrapped_key, stored_at, loaded_at, state, fence, attempts,
                          next_ordinal, batch_entries, batch_ms, batch_reason, size_reason)
                   SELECT %s, gen_random_uuid(), %s, %s, n, 10, 1 << (n %% 20), '', 'gzip', '', '',
                          now() + n * interval '1 second', now() + (n + 5) * interval '1 second', 'loaded',
                          1 + (n %% 100 = 0)::int, 0, 10, 1 + n %% 5000, n %% 300, 'entries_full', 'grow'
                   FROM generate_series(1, 20000) n""",
                [run.id, run.owner_id, run.app_id],
            )
        asked: list[str] = []

        def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            asked.append(sql)
            return execute(sql, params, many, context)

        whole_report(run.id, at=timezone.now())  # the rehearsal's own questions, asked once a minute
        with connection.execute_wrapper(count):
            report = whole_report(run.id, at=timezone.now())
        assert len(asked) <= 25
        assert len(report["rate"]["arrived"]) == len(report["rate"]["loaded"]) == BUCKETS
        assert sum(report["rate"]["arrived"]) == sum(report["rate"]["loaded"]) == 200_000
        assert len(report["batches"]) <= 5
        assert len(report["uploads"]) == 20
        assert report["repairs"]["chunks_claimed_again"] == 200
        assert MigrationRun.objects.count() == 1
