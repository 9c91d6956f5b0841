"""An administrator, and one of everything with hostile words in it."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from migration.events import Happening
from migration.lifecycle import audit, note
from migration.models import (
    App,
    AppPoint,
    AppRollback,
    AppSecret,
    ArchiveJob,
    Backup,
    Chunk,
    CollectionSchema,
    Conflict,
    DriftNotice,
    MigrationRun,
    Owner,
    QuarantineEntry,
    Rollback,
    RollbackPoint,
    StageChange,
    Tuning,
)
from migration.models.records import Form
from migration.progress import record_error
from migration.values.digests import fingerprint, key_hash
from migration.values.lines import encode_line, literal
from tests.factories.loads import make_app, make_device, make_owner, make_run

HOSTILE = "<script>alert('xss')</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202e\ud800\x00"
# What a text column can hold of it.
HOSTILE_TEXT = HOSTILE.replace("\x00", "").replace("\ud800", "")
SECRET_VALUE = "the-users-own-value-<b>"


@pytest.fixture
def administrator(db: None) -> User:
    return User.objects.create(username="ada", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(administrator: User) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


@dataclass(frozen=True)
class World:
    app: App
    owner: Owner
    run: MigrationRun
    quarantined: QuarantineEntry
    point: RollbackPoint
    rollback: Rollback
    app_point: AppPoint
    app_rollback: AppRollback


def quarantine(run: MigrationRun, *, ordinal: int = 0, key: str = HOSTILE, code: str = "too_long") -> QuarantineEntry:
    line = encode_line(key, SECRET_VALUE)
    return QuarantineEntry.objects.create(
        run=run,
        app_id=run.app_id,
        owner_id=run.owner_id,
        chunk_id=1,
        ordinal=ordinal,
        seq=1,
        key_hash=key_hash(literal(key)),
        fingerprint=fingerprint(line),
        collection=HOSTILE_TEXT,
        line=line,
        code=code,
        detail=HOSTILE_TEXT,
        created_at=timezone.now(),
    )


def conflict(run: MigrationRun, *, key: str = HOSTILE, **columns: Any) -> Conflict:
    line = encode_line(key, SECRET_VALUE)
    given = {
        "run": run, "owner_id": run.owner_id, "namespace": "default", "key_hash": key_hash(literal(key)),
        "key_json": literal(key).decode(), "collection": HOSTILE_TEXT, "policy": "INTERACTIVE", "winner": "none",
        "reason": HOSTILE_TEXT, "record_revision": 1, "loser_form": Form.LITERAL,
        "loser_fingerprint": fingerprint(line), "loser_value": literal(SECRET_VALUE).decode(),
        "created_at": timezone.now(),
    }  # fmt: skip
    return Conflict.objects.create(**{**given, **columns})


@pytest.fixture
def world(db: None) -> World:
    now = timezone.now()
    app = make_app(allowed_origins=["https://app.example.com"])
    App.objects.filter(id=app.id).update(name=HOSTILE_TEXT)
    owner = make_owner(app)
    Owner.objects.filter(id=owner.id).update(subject=HOSTILE_TEXT[:255])
    device = make_device(owner)
    type(device).objects.filter(id=device.id).update(user_agent=HOSTILE_TEXT[:255])
    named = {"name": HOSTILE_TEXT, "patterns": [HOSTILE_TEXT], "entries": 1, "bytes": 9, "buckets": {}}
    run = make_run(
        device,
        state="completed",
        entries_total=1,
        entries_quarantined=1,
        manifest={"version": 1, "entries": 1, "collections": [named]},
        statement={"app": HOSTILE_TEXT, "stored": {"entries": 0}},
        receipt="signed",
        types={HOSTILE_TEXT: {HOSTILE_TEXT: 1}},
    )
    record_error(run.id, "odd", HOSTILE, now)
    note(run.id, Happening.DECISION, {"why": HOSTILE_TEXT}, at=now)
    audit(
        actor=HOSTILE_TEXT[:200],
        action="odd",
        target=HOSTILE_TEXT[:100],
        at=now,
        owner_id=owner.id,
        data={"x": HOSTILE_TEXT},
    )
    AppSecret.objects.create(app=app, key_id=f"k{app.slug[-6:]}", wrapped=b"x")
    Backup.objects.create(run=run, owner_id=owner.id, state="sealed", digest=bytes(32))
    Chunk.objects.create(
        run=run, key=run.id, owner_id=owner.id, app_id=app.id, seq=1, entries=1, payload_bytes=9, sha256=bytes(32),
        encoding="gzip", sealed_payload=b"", wrapped_key=b"",
    )  # fmt: skip
    point = RollbackPoint.objects.create(owner=owner, run=run, name=HOSTILE_TEXT[:200], revision=0)
    rollback = Rollback.objects.create(
        owner=owner, scope="run", run=run, idempotency_key=run.id, to_revision=0, from_revision=0, state="done",
        actor=HOSTILE_TEXT[:200], failure=HOSTILE_TEXT,
    )  # fmt: skip
    told: dict[str, Any] = {"app": app, "actor": HOSTILE_TEXT[:200], "created_at": now}
    app_point = AppPoint.objects.create(name=HOSTILE_TEXT[:200], owners=1, **told)
    app_rollback = AppRollback.objects.create(
        point=app_point, idempotency_key=run.id, owners=1, all_listed=True, **told
    )
    schema = CollectionSchema.objects.create(
        app=app, collection=HOSTILE_TEXT, pinned=f'{{"title": "{HOSTILE_TEXT}"}}', version=1,
        shape={"types": {"object": 1}, "members": {HOSTILE_TEXT: {"types": {"null": 1}}}},
        pinned_by=HOSTILE_TEXT[:200], created_at=now, updated_at=now,
    )  # fmt: skip
    DriftNotice.objects.create(
        app=app, schema=schema, kind="new_member", path=f"/{HOSTILE_TEXT}", detail=HOSTILE_TEXT, count=1, looked_at=1,
        sampled_before=0, first_seen=now, last_seen=now,
    )  # fmt: skip
    StageChange.objects.create(
        app=app, collection=HOSTILE_TEXT, action="advance", from_stage="off", to_stage="dual_write", epoch=1, at=now,
        actor=HOSTILE_TEXT[:200], cause=HOSTILE_TEXT[:64], reason=HOSTILE_TEXT,
    )  # fmt: skip
    ArchiveJob.objects.create(
        kind="restore", mode="merge", source=HOSTILE_TEXT, collections=[HOSTILE_TEXT], failure=HOSTILE_TEXT[:64],
        status=dict.fromkeys(("reason", "strategy", "throttle"), HOSTILE_TEXT),
        counts={HOSTILE_TEXT: {"restored": 1}}, updated_at=now, **told,
    )  # fmt: skip
    Tuning.objects.create(name="ROOM_QUEUE_SECONDS", value="60", actor=HOSTILE_TEXT[:200], at=now)
    conflict(run)
    return World(app, owner, run, quarantine(run), point, rollback, app_point, app_rollback)
