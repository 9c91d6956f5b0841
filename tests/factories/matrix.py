"""Who asks for what: every operation of the served description, every socket, and everybody who may come to ask.

An operation without an entry in ASKS, or a socket without one in SOCKETS, fails the matrix: say there how to ask
validly for what the victim owns.
"""

import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from migration.api.openapi import openapi
from migration.api.tokens import issue_user_token
from migration.models import AppSecret, Backup, RollbackPoint
from migration.orchestration import rolling_back, tenancy
from migration.walls import scoped
from tests.factories.doors import Browser, Tenant, account, guest, make_tenant, owner_of
from tests.factories.loads import make_app
from tests.factories.uploads import chunk_of, manifest_of, todos
from tests.factories.writes import dispute

Ids = dict[str, str]
ENTRIES = todos(3)
USER = "victim"
PUBLIC = {"session_open", "config_show", "keys_list", "probes_health", "probes_live", "probes_ready"}
"""Operations that answer anybody, because they tell nothing of an owner."""


def _nothing(_: Ids) -> None:
    """A question without a body."""


def _order(_: Ids) -> dict[str, str]:
    return {"idempotency_key": str(uuid4())}


def _none_held(_: Ids) -> dict[str, list[object]]:
    return {"collections": []}


ASKS: dict[str, Callable[[Ids], Any]] = {
    "backups_list": _nothing,
    "backups_download": _nothing,
    "backups_verify": lambda _: {},
    "comparisons_take": lambda _: {"lines": [{"collection": "", "compared": 1, "agreed": 1}]},
    "conflicts_list": _nothing,
    "conflicts_resolve": lambda _: {"choice": "local"},
    "owners_readiness": _nothing,
    "owners_statistics": _nothing,
    "owner_anew": lambda _: {},
    "owner_erase": lambda _: {"confirm": "erase"},
    "owner_export": _nothing,
    "points_create": lambda _: {"name": "mine"},
    "points_list": _nothing,
    "points_rollback": _order,
    "points_rollback_preview": _nothing,
    "quarantine_list": _nothing,
    "records_changes": _nothing,
    "records_write": lambda _: {"ops": [{"seq": 1, "line": '["mine","1"]'}]},
    "records_digests": _none_held,
    "records_read": lambda _: {"keys": ['"mine"']},
    "rollbacks_show": _nothing,
    "rollbacks_undo": _order,
    "runs_cancel": lambda _: {},
    "runs_create": lambda ids: {"id": ids["run_id"], "manifest": manifest_of(ENTRIES)},
    "chunks_put": lambda ids: chunk_of(ENTRIES, id=ids["chunk_id"]),
    "runs_list": _nothing,
    "runs_missing": _none_held,
    "runs_pause": lambda _: {},
    "runs_receipt": _nothing,
    "runs_report": _nothing,
    "runs_resume": lambda _: {},
    "runs_rollback": _order,
    "runs_rollback_preview": _nothing,
    "runs_seal": lambda _: {"manifest": manifest_of(ENTRIES)},
    "runs_show": _nothing,
    "runs_validate": lambda _: {},
    "ticket_issue": lambda ids: {"run": ids["run_id"]},
}
"""Operation → the body of a valid request in the victim's world."""
SOCKETS = {"ws/v1/runs/<uuid:run_id>", "ws/v1/owner"}
NAMES_BY_BODY = {"ticket_issue", "runs_create"}
"""Operations that name an object in their body rather than in their address."""


def operations() -> dict[str, tuple[str, str]]:
    """Return {operation id: (method, path)} of everything described that needs an owner."""
    return {
        described["operationId"]: (method, path)
        for path, methods in openapi()["paths"].items()
        for method, described in methods.items()
        if described["operationId"] not in PUBLIC
    }


def names_an_object(name: str) -> bool:
    """Tell whether an operation is about one object, which may be a foreign one."""
    return "{" in operations()[name][1] or name in NAMES_BY_BODY


def ask(browser: Browser, name: str, ids: Ids) -> Any:
    """Ask for an operation on the objects of `ids` as this browser."""
    method, path = operations()[name]
    path = re.sub(r"{(\w+)}", lambda match: ids[match[1]], path).removeprefix("/api/v1")
    body = ASKS[name](ids)
    if method == "put":
        return browser.put(ids["run_id"], body)
    if method == "post":
        return browser.post(path, body)
    answer = browser.get(path)
    if answer.streaming:
        answer.streaming_content = [answer.getvalue()]  # read to its end now; the file is closed by that
    return answer


@dataclass
class Possessions:
    """An owner with one of everything an address can name."""

    browser: Browser
    ids: Ids


def possessions(tenant: Tenant) -> Possessions:
    """Return the victim: an account with a run, a chunk, a backup, a point, a rollback and a conflict."""
    browser = account(tenant, USER)
    run_id = browser.create(ENTRIES).json()["id"]
    chunk = chunk_of(ENTRIES)
    assert browser.put(run_id, chunk).status_code == 201
    owner = owner_of(browser, tenant)
    point = RollbackPoint.objects.get(owner=owner)
    rollback = rolling_back.request_point_rollback(
        owner_id=owner.id, point_id=point.id, idempotency_key=uuid4(), actor="test", at=timezone.now()
    )
    ids = {
        "run_id": run_id,
        "chunk_id": chunk.id,
        "point_id": str(point.id),
        "rollback_id": str(rollback.id),
        "backup_id": str(Backup.objects.get(owner_id=owner.id).id),
        "conflict_id": str(
            dispute(owner, "k", held="1", lost="2", id=uuid4().int % 2**52)
        ),  # found in no text by chance
    }
    return Possessions(browser, ids)


def strangers(tenant: Tenant, device: str | None) -> dict[str, Browser]:
    """Everybody who is somebody, and not the victim."""
    return {
        "another owner": account(tenant, "other"),
        "another owner on the same device": account(tenant, "other", device=device),
        "the same user id in another app": account(make_tenant(), USER),
        "a guest": guest(tenant),
        "a guest of another app": guest(make_tenant()),
    }


def nobodies(tenant: Tenant) -> dict[str, Browser]:
    """Everybody who is nobody here: no token, or one that does not hold."""
    now = int(time.time())
    said = {"iss": tenant.key, "aud": "another", "sub": USER, "iat": now, "exp": now + 300}
    long_ago = timezone.now() - timedelta(hours=1)
    revoked = tenancy.add_secret(app=tenant.app, at=timezone.now(), actor="test")
    secret = AppSecret.objects.get(key_id=tenancy.key_id_of(revoked))
    tenancy.revoke_secret(secret=secret, at=timezone.now(), actor="test")
    head = {"kid": tenancy.key_id_of(tenant.secret)}
    return {
        "anonymous": Browser(),
        "expired": Browser(token=issue_user_token(tenant.secret, USER, app_key=tenant.key, at=long_ago)),
        "of a wrong audience": Browser(token=jwt.encode(said, tenant.secret, "HS256", headers=head)),
        "signed with a revoked secret": Browser(token=issue_user_token(revoked, USER, app_key=tenant.key)),
        "staff of another app": Browser(client=_signed_in(is_superuser=False)),
        "a superuser": Browser(client=_signed_in(is_superuser=True)),
    }


def _signed_in(*, is_superuser: bool) -> Client:
    """A browser signed in to the admin: the API must not take its cookie for anything."""
    user = User.objects.create(username=uuid4().hex, is_staff=True, is_superuser=is_superuser)
    make_app().staff.add(user)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


_CONDITION = re.compile(r'((?:"?\w+"?\.)?"?(?:owner_id|device_id|app_id)"? = (?:%s|%\(\w+\)s))')


def _blind(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    return execute(_CONDITION.sub(r"(\1 OR TRUE)", sql), params, many, context)


@contextmanager
def without_the_first_wall(**tenant: Any) -> Iterator[None]:
    """A scope in which no statement asks whose a row is: every condition of that kind is true."""
    with connection.execute_wrapper(_blind), scoped(**tenant):
        yield


@contextmanager
def without_any_wall(**tenant: Any) -> Iterator[None]:
    """The same with the second wall down too: shows that the matrix can fail."""
    with connection.execute_wrapper(_blind):
        yield


def told(answer: Any) -> bytes:
    """Return all an answer says: its body, and of an archive what is in it."""
    body: bytes = answer.getvalue() if answer.streaming else answer.content
    if answer.headers.get("Content-Type") != "application/zip":
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())
