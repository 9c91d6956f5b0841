"""An owner whose every trace can be found again: strings nobody else has ever written, wherever an owner reaches."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.utils import timezone

from migration.api.tokens import issue_user_token
from migration.models import App, Backup, Device, MigrationRun, Owner, RollbackPoint
from migration.orchestration import rolling_back
from tests.factories.doors import Browser, Tenant, make_tenant
from tests.factories.uploads import chunk_of, manifest_of
from tests.factories.workers import Worker


@dataclass
class Canaries:
    """Strings that exist once; each is remembered when it is made."""

    made: list[str] = field(default_factory=list)

    def __call__(self, kind: str) -> str:
        """Make one."""
        self.made.append(f"canary{kind}{secrets.token_hex(8)}")
        return self.made[-1]


@dataclass
class Traced:
    """The owner, its two devices, and every word and id that leads to it."""

    tenant: Tenant
    owner: Owner
    user: str
    first: Browser
    second: Browser
    words: list[str]

    def ids(self) -> list[str]:
        """Return the ids of the owner, its devices and its runs."""
        runs = MigrationRun.objects.filter(owner=self.owner).values_list("id", flat=True)
        devices = Device.objects.filter(owner=self.owner).values_list("id", "key")
        return [str(one) for one in (self.owner.id, *runs, *(one for pair in devices for one in pair))]


def traced_owner(*, finish: bool = True) -> Traced:
    """Return an owner with everything an owner can have, made through the real doors.

    Two devices that disagree, refused entries, a backup of its own, a dry run, points, a rollback and its journal, a
    ticket. Without `finish` the second device's run waits for a worker.
    """
    word, tenant = Canaries(), make_tenant(conflict_policy="INTERACTIVE")
    App.objects.filter(id=tenant.app.id).update(max_entry_bytes=2_000)
    user = word("user")
    first, second = (_browser(tenant, user, word("agent")) for _ in range(2))
    shared = f"note:{word('shared')}"
    first.upload({shared: word("one"), f"todo:{word('key')}": word("value"), word("long"): word("refused") * 90})
    _run(first, {f"note:{word('only')}": word("backup")}, purpose="backup")
    _run(first, {f"note:{word('dry')}": word("tried")}, dry_run=True)
    Worker().work_until_done()
    owner = Owner.objects.get(app=tenant.app, subject=user)
    _go_back(first, owner, word)
    pattern = word("pattern")
    entries = {shared: word("two"), f"{pattern}:1": word("again")}
    collections = [(word("collection"), (f"{pattern}*",))]
    run_id = second.create(entries, manifest=manifest_of(entries, collections=collections)).json()["id"]
    assert second.put(run_id, chunk_of(entries)).status_code == 201
    assert second.post("/tickets", {"run": run_id}).status_code == 201
    if finish:
        assert second.seal(run_id, manifest_of(entries, collections=collections)).status_code == 200
        Worker().work_until_done()
    return Traced(tenant, owner, user, first, second, word.made)


def _browser(tenant: Tenant, user: str, agent: str) -> Browser:
    token = issue_user_token(tenant.secret, user, app_key=tenant.key)
    return Browser(token=token, extra={"User-Agent": agent})


def _run(browser: Browser, entries: dict[str, str], **members: Any) -> None:
    run_id = browser.create(entries, **members).json()["id"]
    assert browser.put(run_id, chunk_of(entries, seq=2)).status_code == 201
    assert browser.seal(run_id, manifest_of(entries)).status_code == 200


def _go_back(browser: Browser, owner: Owner, word: Canaries) -> None:
    assert browser.post("/rollback-points", {"name": word("point")}).status_code == 201
    start = RollbackPoint.objects.filter(owner=owner, run__isnull=False).order_by("revision")[0]
    asked: dict[str, Any] = {"owner_id": owner.id, "idempotency_key": uuid4(), "actor": "test", "at": timezone.now()}
    rolling_back.request_point_rollback(point_id=start.id, **asked)
    Worker().work_until_done()
    newest = RollbackPoint.objects.filter(owner=owner).order_by("-revision")[0]
    rolling_back.request_point_rollback(point_id=newest.id, **{**asked, "idempotency_key": uuid4()})
    Worker().work_until_done()
    assert Backup.objects.filter(owner_id=owner.id).count() == 3
