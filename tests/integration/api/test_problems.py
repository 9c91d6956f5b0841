"""Every error code, provoked through the door: its status, its shape, and that nothing was kept."""

import gzip
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from migration import cutover
from migration.api import limits, problems
from migration.models import App, Backup, Chunk, MigrationRun, Owner, Rollback
from migration.orchestration.reverting import execute_rollback
from tests.factories.doors import Browser, Tenant, account, guest, guest_id, make_tenant, owner_of
from tests.factories.uploads import ChunkUpload, chunk_of, manifest_of, todos

pytestmark = pytest.mark.django_db
ENTRIES = todos(3)


def of_tenant(**columns: Any) -> tuple[Browser, Tenant]:
    tenant = make_tenant(**columns)
    return account(tenant), tenant


def created(browser: Browser) -> str:
    return str(browser.create(ENTRIES).json()["id"])


def put(chunk: ChunkUpload, **arguments: Any) -> Any:
    browser, _ = of_tenant()
    return browser.put(created(browser), chunk, **arguments)


def invalid_json() -> Any:
    return of_tenant()[0].post("/runs", b'{"id":')


def bad_request() -> Any:
    return of_tenant()[0].get("/runs?" + "&".join(f"a{number}=1" for number in range(1_100)))


def unauthenticated() -> Any:
    return Browser().get("/runs")


def origin_not_allowed() -> Any:
    return of_tenant()[0].get("/runs", Origin="https://evil.example")


def guests_not_allowed() -> Any:
    tenant = make_tenant(guests_allowed=False)
    return Browser().post("/sessions", {"app_key": tenant.key, "guest": guest_id()})


def app_disabled() -> Any:
    browser, tenant = of_tenant()
    App.objects.filter(id=tenant.app.id).update(is_active=False)
    return browser.get("/runs")


def not_found() -> Any:
    return of_tenant()[0].get(f"/runs/{uuid4()}")


def method_not_allowed() -> Any:
    browser, _ = of_tenant()
    return browser.client.delete("/api/v1/runs", headers=browser.headers())


def not_acceptable() -> Any:
    return of_tenant()[0].get("/runs", Accept="text/html")


def unsupported_media_type() -> Any:
    return put(chunk_of(ENTRIES), content_type="application/octet-stream")


def stale_epoch() -> Any:
    browser, tenant = of_tenant()
    browser.get("/runs")
    owner = owner_of(browser, tenant)
    cutover.raise_owner_epoch(owner_id=owner.id, cause="test", actor="test", at=timezone.now())
    return browser.get("/runs", **{"Migration-Epoch": "1.1"})


def wrong_state() -> Any:
    browser, _ = of_tenant()
    run_id = created(browser)
    MigrationRun.objects.update(state="verifying")
    return browser.put(run_id, chunk_of(ENTRIES))


def idempotency_mismatch() -> Any:
    browser, _ = of_tenant()
    run_id, chunk = created(browser), chunk_of(ENTRIES)
    assert browser.put(run_id, chunk).status_code == 201
    answer = browser.put(run_id, chunk_of(todos(2), id=chunk.id))
    Chunk.objects.all().delete()
    return answer


def cannot_roll_back() -> Any:
    browser, _ = of_tenant()
    return browser.post(f"/runs/{created(browser)}/rollback", {"idempotency_key": str(uuid4())})


def backup_unreadable() -> Any:
    browser, _ = of_tenant()
    run_id = created(browser)
    assert browser.put(run_id, chunk_of(ENTRIES)).status_code == 201
    Chunk.objects.update(sealed_payload=b"damaged" * 10)
    answer = browser.get(f"/backups/{browser.get('/backups').json()['backups'][0]['id']}/download")
    Chunk.objects.all().delete()
    return answer


def not_migrated() -> Any:
    browser, _ = of_tenant()
    return browser.post(f"/runs/{created(browser)}/validate")


def timeline_changed() -> Any:
    browser, _ = of_tenant()
    return browser.get("/records?since=0&timeline=another")


def cursor_expired() -> Any:
    browser, _ = of_tenant()
    assert browser.get("/records").status_code == 200
    Owner.objects.update(horizon=2)
    return browser.get("/records?since=1")


def run_expired() -> Any:
    browser, _ = of_tenant()
    run_id = created(browser)
    MigrationRun.objects.update(expires_at=timezone.now())
    return browser.put(run_id, chunk_of(ENTRIES))


def too_large() -> Any:
    return put(ChunkUpload(payload=b"", entries=2, body=b"x" * 1_048_577))


def inflate_limit() -> Any:
    return put(ChunkUpload(payload=b"", entries=2, body=gzip.compress(bytes(20_000_000)), bytes=8_000_000))


def invalid_body() -> Any:
    return of_tenant()[0].create(surprise=True)


def manifest_invalid() -> Any:
    return of_tenant()[0].create(manifest={**manifest_of(ENTRIES), "entries": 4})


def manifest_shrinks() -> Any:
    browser, _ = of_tenant()
    return browser.seal(created(browser), manifest_of(todos(2), version=2))


def checksum_mismatch() -> Any:
    return put(chunk_of(ENTRIES, sha256="A" * 43))


def encoding_invalid() -> Any:
    return put(chunk_of(ENTRIES, body=chunk_of(ENTRIES).body[:-1]))


def line_form() -> Any:
    return put(ChunkUpload(payload=b'["a","b"]\n["a", "b"]\n', entries=2))


def entry_count() -> Any:
    return put(ChunkUpload(payload=b'["a","b"]\n', entries=2))


def sensitive_item() -> Any:
    return put(chunk_of({"todo:1": "milk", "password": "hunter2-hunter2"}))


def fence_superseded() -> Any:
    browser, _ = of_tenant()
    browser.extra["Migration-Fence"] = "7"
    run_id = created(browser)
    browser.extra["Migration-Fence"] = "6"
    return browser.put(run_id, chunk_of(ENTRIES))


def rate_limited(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(limits.limiter, "take", lambda _: 17)
    return of_tenant()[0].get("/runs")


def over_quota() -> Any:
    browser, tenant = of_tenant()
    run_id = created(browser)
    App.objects.filter(id=tenant.app.id).update(limits={"account_bytes_per_day": 10})
    return browser.put(run_id, chunk_of(ENTRIES))


def internal_error(monkeypatch: pytest.MonkeyPatch) -> Any:
    browser, _ = of_tenant()
    monkeypatch.setattr("migration.progress.snapshots_of", lambda _: 1 / 0)
    return browser.get("/runs")


def unavailable() -> Any:
    browser, _ = of_tenant()

    def refuse(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(refuse):
        return browser.get("/runs")


def backup_expired() -> Any:
    browser, _ = of_tenant()
    created(browser)
    backup = browser.get("/backups").json()["backups"][0]["id"]
    Backup.objects.update(state=Backup.State.EXPIRED)
    return browser.get(f"/backups/{backup}/download")


def erased() -> Any:
    browser, _ = of_tenant()
    assert browser.post("/owner/erase", {"confirm": "erase"}).status_code == 202
    return browser.create(ENTRIES)


PROVOKED: dict[str, Callable[..., Any]] = {
    provoke.__name__: provoke
    for provoke in (
        *(invalid_json, bad_request, unauthenticated, origin_not_allowed, guests_not_allowed, app_disabled, not_found),
        *(method_not_allowed, not_acceptable, unsupported_media_type, stale_epoch, wrong_state, idempotency_mismatch),
        *(
            cannot_roll_back,
            not_migrated,
            timeline_changed,
            cursor_expired,
            run_expired,
            too_large,
            inflate_limit,
            invalid_body,
            manifest_invalid,
            manifest_shrinks,
        ),
        *(checksum_mismatch, encoding_invalid, line_form, entry_count, sensitive_item, fence_superseded, rate_limited),
        *(internal_error, unavailable, backup_unreadable, over_quota, erased, backup_expired),
    )
}
MEMBERS = {
    "stale_epoch": {"epoch", "config"},
    "wrong_state": {"state"},
    "timeline_changed": {"timeline"},
    "line_form": {"line"},
    "sensitive_item": {"items"},
    "cannot_roll_back": {"reasons"},
    "rate_limited": {"retry_after"},
    "unavailable": {"retry_after"},
    "over_quota": {"retry_after", "limit"},
}


class TestEveryCode:
    def test_is_provoked_here(self) -> None:
        assert set(problems.STATUSES) == set(PROVOKED)

    @pytest.mark.parametrize("code", PROVOKED)
    def test_answers_its_status_in_the_one_shape_and_keeps_nothing(
        self, code: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provoke = PROVOKED[code]
        answer = provoke(monkeypatch) if provoke.__code__.co_argcount else provoke()
        assert answer.headers["Content-Type"] == "application/json"
        body = answer.json()
        assert (answer.status_code, body["code"]) == (problems.STATUSES[code], code)
        assert body["detail"]
        assert body.keys() >= MEMBERS.get(code, set())
        assert answer.headers.get("Retry-After") == (str(body["retry_after"]) if "retry_after" in body else None)
        assert not Chunk.objects.exists()
        assert not answer.cookies

    def test_a_stale_device_is_told_its_configuration(self) -> None:
        body = stale_epoch().json()
        assert (body["epoch"], body["config"]["epoch"]) == ("1.2", "1.2")

    def test_a_sensitive_item_is_named_by_key_and_rule(self) -> None:
        [item] = sensitive_item().json()["items"]
        assert (json.loads(item["key"]), bool(item["rule"])) == ("password", True)

    def test_a_line_is_named_by_its_number(self) -> None:
        assert line_form().json()["line"] == 2

    def test_an_unknown_failure_says_nothing_of_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "division" not in internal_error(monkeypatch).content.decode()

    def test_the_methods_that_are_allowed_are_named(self) -> None:
        assert method_not_allowed().headers["Allow"] == "GET, HEAD, POST"


class TestEveryAddress:
    @pytest.mark.parametrize(
        "path", ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nowhere", "/api/v1/runs/", "/api/v2/x"]
    )
    @pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
    def test_that_does_not_exist_is_a_json_404(self, path: str, method: str) -> None:
        answer = getattr(Browser().client, method)(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    def test_a_host_we_are_not_is_a_json_400(self) -> None:
        answer = Browser().client.get("/api/v1/config", headers={"Host": "evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_rollback_asked_for_twice_is_one() -> None:
    browser, tenant = of_tenant()
    run_id, order = created(browser), {"idempotency_key": str(uuid4())}
    MigrationRun.objects.update(state="completed")
    first, second = (browser.post(f"/runs/{run_id}/rollback", order) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    execute_rollback(Rollback.objects.get().id, at=timezone.now())
    assert guest(tenant).get(f"/rollbacks/{first.json()['id']}").status_code == 404
    assert browser.get(f"/rollbacks/{first.json()['id']}").json()["state"] == "done"
