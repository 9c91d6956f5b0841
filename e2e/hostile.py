"""Sixty ways to smuggle a script onto a page, and a program that puts all of them wherever a user's words can stand.

Each calls `xss()` if it runs, and where it becomes markup at all it leaves an element that can be counted.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from e2e.console import Console

_IT = "<b class=xss-mark>"

PAYLOADS: tuple[str, ...] = (
    f"<script>xss()</script>{_IT}",
    f"<SCRIPT SRC=/xss.js></SCRIPT>{_IT}",
    f"<scr<script>ipt>xss()</scr</script>ipt>{_IT}",
    f"<script/xss>xss()</script>{_IT}",
    f"<script\n>xss()</script\n>{_IT}",
    "<script type=module>xss()</script>",
    "</script><script>xss()</script>",
    "<img class=xss-mark src=x onerror=xss()>",
    "<img class=xss-mark src=x onerror='xss()'>",
    '<img class="xss-mark" src="x" onerror="xss()">',
    "<img/class=xss-mark/src=x/onerror=xss()>",
    "<IMG CLASS=xss-mark SRC=x OnErRoR=xss()>",
    "<svg class=xss-mark onload=xss()>",
    "<svg><script>xss()</script></svg>",
    "<svg class=xss-mark><animate onbegin=xss() attributeName=x dur=1s>",
    "<svg class=xss-mark><a href=javascript:xss()><text y=9>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=xss()>#x'/></svg>",
    "<math class=xss-mark><mi xlink:href=javascript:xss()>x</mi></math>",
    "<body class=xss-mark onload=xss()>",
    "<details class=xss-mark open ontoggle=xss()>x</details>",
    "<video class=xss-mark src=x onerror=xss()></video>",
    "<audio class=xss-mark src=x onerror=xss()></audio>",
    "<input class=xss-mark autofocus onfocus=xss()>",
    "<select class=xss-mark autofocus onfocus=xss()></select>",
    "<marquee class=xss-mark onstart=xss()>x</marquee>",
    "<iframe class=xss-mark srcdoc='<script>parent.xss()</script>'></iframe>",
    "<iframe class=xss-mark src=javascript:parent.xss()></iframe>",
    "<object class=xss-mark data=javascript:xss()></object>",
    "<embed class=xss-mark src=javascript:xss()>",
    "<link class=xss-mark rel=stylesheet href=/xss.css>",
    "<meta class=xss-mark http-equiv=refresh content='0;url=javascript:xss()'>",
    "<base class=xss-mark href=//xss.invalid/>",
    "<form class=xss-mark action=javascript:xss()><button autofocus>x</button></form>",
    "<style class=xss-mark>*{background:url(/xss.png)}</style>",
    "<div class=xss-mark style=background:url(/xss.png)>x</div>",
    "<template shadowrootmode=open><img src=x onerror=xss()></template>",
    "<div class=xss-mark x-data x-init=xss()>x</div>",
    "<div class=xss-mark x-data='{a:xss()}'>x</div>",
    "<div class=xss-mark @click=xss() hx-on:load=xss() hx-get=/xss hx-trigger=load>x</div>",
    '" onmouseover="xss()" autofocus onfocus="xss()" class="xss-mark',
    "' onmouseover='xss()' autofocus onfocus='xss()' class='xss-mark",
    "` onmouseover=`xss()` class=xss-mark",
    '"><b class="xss-mark">',
    "'><b class='xss-mark'>",
    '" x-init="xss()" x-data="',
    "javascript:xss()",
    "JaVaScRiPt:xss()//",
    " \tjavascript:xss()",
    "data:text/html,<script>xss()</script>",
    "');xss();//",
    '"};xss();//',
    "${xss()}",
    "{{ xss() }}{% debug %}{{ 7|add:'7' }}",
    "{{constructor.constructor('xss()')()}}",
    "&lt;script&gt;xss()&lt;/script&gt;&#60;img src=x onerror=xss()&#62;",
    "%3Cscript%3Exss()%3C/script%3E",
    "\u202e<script>xss()</script>\u2066\u200f",
    "\uff1cscript\uff1exss()\uff1c/script\uff1e\u2028xss()\u2029",
    "]]><b class=xss-mark><![CDATA[",
    f"</textarea></title></pre></code></style></noscript>{_IT}<!--",
)


def groups(longest: int) -> Iterator[str]:
    """Yield the payloads joined into texts of at most `longest` characters."""
    text = ""
    for payload in PAYLOADS:
        if text and len(text) + len(payload) > longest:
            yield text
            text = ""
        text += payload
    yield text


def plant(console: Console) -> dict[str, list[str]]:
    """Put the payloads into the stack's database; return the ids of what carries them, by model."""
    return dict(console.run("from e2e.hostile import plant_here; told = plant_here()"))


def plant_here() -> dict[str, list[str]]:
    """Do it, in a process with Django, and return the ids."""
    planted: dict[str, list[str]] = {}
    for words in groups(200):
        for model, identifier in _carriers(words):
            planted.setdefault(model, []).append(str(identifier))
    return planted | _keeper()


def _carriers(words: str) -> Iterator[tuple[str, Any]]:
    """Make one of each thing that is named by its users, or tells of them, in few characters."""
    from django.utils import timezone

    from migration.lifecycle import audit
    from migration.models import AuditLine, Device, Rollback, RollbackPoint
    from tests.factories.loads import make_app, make_device, make_owner, make_run

    app = make_app()
    type(app).objects.filter(id=app.id).update(name=words)
    owner = make_owner(app)
    type(owner).objects.filter(id=owner.id).update(subject=words)
    device = make_device(owner)
    Device.objects.filter(id=device.id).update(user_agent=words)
    run = make_run(device, state="transferring", failure_code=words[:64], conflict_policy=words[:20])
    point = RollbackPoint.objects.create(owner=owner, run=run, name=words, revision=0)
    rollback = Rollback.objects.create(
        owner=owner, scope="run", run=run, idempotency_key=uuid4(), to_revision=0, from_revision=0, state="done",
        actor=words, failure=words,
    )  # fmt: skip
    audit(actor=words, action=words[:64], target=words[:100], at=timezone.now(), owner_id=owner.id, data={words: words})
    yield from (("app", app.id), ("owner", owner.id), ("device", device.id), ("migrationrun", run.id))
    yield from (("rollbackpoint", point.id), ("rollback", rollback.id))
    yield "auditline", AuditLine.objects.filter(owner_id=owner.id).latest("id").id
    yield "collectionschema", _schema(app.id, words)
    yield "stagechange", _staged(app, device, words)


def _staged(app: Any, device: Any, words: str) -> UUID:
    """Give an app a collection with a stage of its own, a change of it and a mismatch; return the change's id."""
    from django.utils import timezone

    from migration.models import CollectionStage, Mismatch, StageChange

    now = timezone.now()
    CollectionStage.objects.create(
        app=app, collection=words, stage="ramp", compare_ignore=[f"/{words[:99]}"], changed_at=now
    )
    Mismatch.objects.create(
        app_id=app.id, owner_id=device.owner_id, device_id=device.id, collection=words, stage="ramp", key=words,
        key_hash=bytes(32), reason="differs", local=words, server=words, at=now,
    )  # fmt: skip
    change = StageChange.objects.create(
        app=app, collection=words, action="advance", from_stage="shadow", to_stage="ramp", actor=words,
        cause=words[:64], reason=words, figures={words: words}, epoch=1, at=now,
    )  # fmt: skip
    return change.id


def _keeper() -> dict[str, list[str]]:
    """Make one run and one owner with every payload as key, value, collection, refusal, error and decision."""
    from django.utils import timezone

    from migration.events import Happening
    from migration.lifecycle import note
    from migration.models import Conflict, QuarantineEntry, Record
    from migration.progress import record_error
    from migration.values.digests import fingerprint, key_hash, to_wire
    from migration.values.lines import encode_line, literal
    from tests.factories.loads import make_device, make_owner, make_run
    from tests.factories.writes import write

    owner, now, every = make_owner(), timezone.now(), "".join(PAYLOADS)
    named = [{"name": one, "patterns": [one], "entries": 1, "bytes": 9, "buckets": {}} for one in PAYLOADS]
    run = make_run(
        make_device(owner), state="completed", receipt="signed", statement={"app": every, every[:99]: {"entries": 0}},
        manifest={"version": 1, "entries": 60, "collections": named}, types={one: {one: 1} for one in PAYLOADS},
        entries_conflict=60, entries_quarantined=60,
    )  # fmt: skip
    for place, payload in enumerate((*PAYLOADS, every)):
        write(owner, payload, payload)
        line, place_of_key = encode_line(payload, payload), key_hash(literal(payload))
        QuarantineEntry.objects.create(
            run=run, app_id=run.app_id, owner_id=owner.id, chunk_id=run.id.int % 2**40, ordinal=place, seq=1,
            key_hash=place_of_key,
            fingerprint=fingerprint(line), collection=payload, line=line, code=payload[:64], detail=payload,
            path=payload, created_at=now,
        )  # fmt: skip
        Conflict.objects.create(
            owner_id=owner.id, namespace="default", key_hash=place_of_key, key_json=literal(payload).decode(), run=run,
            collection=payload, policy="INTERACTIVE", winner="none", reason=payload, record_revision=1, loser_form=2,
            loser_fingerprint=fingerprint(line), loser_value=literal(payload).decode(), created_at=now,
        )  # fmt: skip
        record_error(run.id, payload[:64], payload, now)
        note(run.id, Happening.DECISION, {"why": payload, payload: payload}, at=now)
    Record.objects.filter(owner_id=owner.id).update(collection=every)
    entry = QuarantineEntry.objects.filter(run=run).latest("ordinal")
    return {
        "quarantineentry": [str(entry.id)],
        "keeper": [str(run.id)],
        "record": [f"{owner.id}/{to_wire(key_hash(literal(every)))}"],
        "holder": [str(owner.id)],
        "conflict": [str(run.conflicts.latest("id").id)],
        "cause": _causes(run),
        **_mover(owner),
    }


def _schema(app_id: Any, words: str) -> int:
    """Make a collection named by its users, whose members' names and schema are theirs too, with drift."""
    from django.utils import timezone

    from migration.models import CollectionSchema, DriftNotice

    now, seen = timezone.now(), {"types": {"string": 1}}
    schema = CollectionSchema.objects.create(
        app_id=app_id, collection=words, shape={"types": {"object": 1}, "members": {words: seen}}, sampled=1,
        pinned=json.dumps({"title": words, "required": [words]}), version=1, pinned_at=now, pinned_by=words[:200],
        created_at=now, updated_at=now,
    )  # fmt: skip
    DriftNotice.objects.create(
        app_id=app_id, schema=schema, kind="new_member", path=f"/{words}", detail=words, count=1, looked_at=1,
        sampled_before=1, first_seen=now, last_seen=now,
    )  # fmt: skip
    return int(schema.pk)


def _causes(run: Any) -> list[str]:
    """Let a replay of each cause have failed; return where the causes' pages are."""
    from uuid import uuid4

    from django.utils import timezone

    from migration.admin.causes import address
    from migration.models import QuarantineEntry, Replay
    from migration.orchestration.quarantine import Cause

    entries = list(QuarantineEntry.objects.filter(run=run).order_by("ordinal"))
    for entry in entries:
        Replay.objects.create(
            app_id=run.app_id, code=entry.code, collection=entry.collection, path=entry.path, state="failed",
            failure=entry.detail, idempotency_key=uuid4(), last_entry=entry.id, actor=entry.detail[:200],
            created_at=timezone.now(),
        )  # fmt: skip
    return [address(Cause.of(entry)) for entry in entries]


def _mover(owner: Any) -> dict[str, list[str]]:
    """Upload every payload as key and value under a run of its own, for the stack's workers to load and verify."""
    from migration.dispatch import ring
    from tests.factories.loads import make_device
    from tests.factories.runs import sealed_run

    run = sealed_run({payload: payload for payload in PAYLOADS}, device=make_device(owner))
    ring()
    return {"mover": [str(run.id)], "backup": [str(run.backup.id)]}
