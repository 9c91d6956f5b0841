"""Browsers in front of the HTTP door: an app, a token, a device, and the requests they make."""

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

from django.db import connections
from django.test import Client
from django.utils import timezone

from migration.api.tokens import issue_user_token
from migration.models import App, Owner
from migration.orchestration import tenancy
from migration.values.digests import to_wire
from tests.factories.uploads import ChunkUpload, Entries, chunk_of, manifest_of

T = TypeVar("T")
ORIGIN = "https://app.example"


@dataclass
class Tenant:
    """An app with one secret."""

    app: App
    secret: str

    @property
    def key(self) -> str:
        """The publishable key."""
        return self.app.publishable_key


def make_tenant(**columns: Any) -> Tenant:
    """Return an app of its own that allows pages of ORIGIN."""
    origins = columns.pop("origins", [ORIGIN])
    at = timezone.now()
    app = tenancy.create_app(
        name="App", slug=f"app-{uuid4().hex[:12]}", origins=origins, at=at, actor="test", **columns
    )
    return Tenant(app, tenancy.add_secret(app=app, at=at, actor="test"))


def guest_id() -> str:
    """Return what a browser would make up for a guest."""
    return to_wire(os.urandom(32))


@dataclass
class Browser:
    """One device of one owner. Every request carries its token and device id, and `extra` headers."""

    token: str = ""
    device: str | None = field(default_factory=lambda: str(uuid4()))
    extra: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Return the headers of a request."""
        token = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        device = {"Migration-Device": self.device} if self.device else {}
        return {**token, **device, **self.extra, **(more or {})}

    def get(self, path: str, **headers: str) -> Any:
        """GET under /api/v1."""
        return self.client.get(f"/api/v1{path}", headers=self.headers(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST JSON (or the bytes given) under /api/v1."""
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        return self.client.post(
            f"/api/v1{path}", data=raw, content_type="application/json", headers=self.headers(headers)
        )

    def create(self, entries: Entries | None = None, **members: Any) -> Any:
        """Create a run for `entries`."""
        body = {"id": str(uuid4()), "manifest": manifest_of(entries or {}), **members}
        return self.post("/runs", body)

    def put(
        self, run_id: str, chunk: ChunkUpload, *, content_type: str = "application/x-ndjson", **headers: str
    ) -> Any:
        """PUT a chunk."""
        return self.client.put(
            f"/api/v1/runs/{run_id}/chunks/{chunk.id}",
            data=chunk.body,
            content_type=content_type,
            headers=self.headers({**chunk.headers(), **headers}),
        )

    def seal(self, run_id: str, manifest: dict[str, Any]) -> Any:
        """Seal a run's upload."""
        return self.post(f"/runs/{run_id}/seal", {"manifest": manifest})

    def upload(self, entries: Entries) -> str:
        """Create a run, send all of `entries` in one chunk, seal; return the run's id."""
        manifest = manifest_of(entries)
        run_id = str(self.create(entries).json()["id"])
        assert self.put(run_id, chunk_of(entries)).status_code == 201
        assert self.seal(run_id, manifest).status_code == 200
        return run_id


def account(tenant: Tenant, user: str | None = None, **fields: Any) -> Browser:
    """Return a browser signed in as `user`."""
    token = issue_user_token(tenant.secret, user or uuid4().hex, app_key=tenant.key)
    return Browser(token=token, **fields)


def guest(tenant: Tenant, **fields: Any) -> Browser:
    """Return a browser with a guest's session."""
    browser = Browser(**fields)
    answer = browser.post("/sessions", {"app_key": tenant.key, "guest": guest_id()})
    assert answer.status_code == 200, answer.content
    browser.token = answer.json()["token"]
    return browser


def owner_of(browser: Browser, tenant: Tenant) -> Owner:
    """Return the browser's owner after its first request."""
    return Owner.objects.get(app=tenant.app, devices__key=browser.device)


def at_once(count: int, do: Callable[[int], T]) -> list[T]:
    """Call `do` with 0 to count-1 from as many threads at the same moment; return the results in order.

    Needs a test with transactional_db: each thread has a connection of its own.
    """
    ready, door = threading.Barrier(count), threading.Lock()

    def one(number: int) -> T:
        try:
            with door:  # so many newcomers at once would wait for Postgres and not act at the same moment
                connections["default"].ensure_connection()
            ready.wait(60)
            return do(number)
        except BaseException:
            ready.abort()  # nobody waits for who does not come
            raise
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
