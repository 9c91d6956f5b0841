"""Runs: created, shown, fed with chunks, sealed, steered, and what became of them."""

import re
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request

from migration import progress, uploads
from migration.api import answers, bodies, callers, memory, waiting
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import CHUNK, Shape, operation
from migration.config import setting
from migration.errors import BodyInvalid, NotFound
from migration.models import MigrationRun
from migration.orchestration import intake, ordering, steering, verification
from migration.uploads import ChunkHead, Outcome
from migration.values.digests import from_wire

_MOST_RUNS = 50
_LONGEST_WAIT = 20

_RUN = {200: answers.RunSnapshot}
_CREATED = {201: answers.RunSnapshot, 200: answers.RunSnapshot}
_STORED = {201: answers.ChunkStored, 200: answers.ChunkStored}
_RECEIPT: dict[int, Shape] = {200: answers.Receipt, 202: answers.RunSnapshot}
_CREATE = (*CHUNK, "manifest_invalid", "idempotency_mismatch", "not_found")
_PUT = (*CHUNK, "not_found", "wrong_state", "idempotency_mismatch")
_SEAL = ("not_found", "wrong_state", "run_expired", "fence_superseded", "manifest_invalid", "manifest_shrinks")
_STEER = ("not_found", "wrong_state")
_READ_BACK = ("not_found", "backup_unreadable")
_WHOSE = {"all": ({"type": "string", "enum": ["0", "1"]}, "1: of every device of the owner")}
_WAITING = {"wait": ({"type": "integer", "minimum": 0, "maximum": 9_999}, "seconds to wait; more than 20 are 20")}
_SAID = ("Content-Encoding", *(f"Migration-{name}" for name in ("Seq", "Entries", "Bytes", "Sha256", "Reason")))
_CODE = re.compile(r"[a-z0-9_]{0,40}")


class RunsView(OwnerView):
    """The runs of a device or of its owner."""

    uploads_by = "POST"

    @operation("runs_list", answer={200: answers.RunList}, query=_WHOSE)
    def get(self, request: Request) -> HttpResponse:
        """List runs, newest first."""
        runs = MigrationRun.objects.filter(owner_id=self.caller.owner_id)
        if not _is_of_all(request):
            runs = runs.filter(device_id=self.caller.sender().device_id)
        newest = runs.order_by("-created_at").values_list("id", flat=True)[:_MOST_RUNS]
        shown = {run.id: snapshot for run, snapshot in progress.snapshots_of(newest)}
        return json_answer({"runs": [shown[run_id] for run_id in newest if run_id in shown]})

    @operation("runs_create", body=bodies.CreateRun, answer=_CREATED, errors=_CREATE)
    def post(self, request: Request) -> HttpResponse:
        """Create a run, with chunks and seal if they are small enough to come along."""
        sender, limit = self.caller.sender(), int(setting("CREATE_BYTES"))
        with memory.uploads.hold(8 * min(bodies.announced_length(request) or limit, limit)):
            order = bodies.parse(request, bodies.CreateRun).order()
            run, is_new = ordering.create_run(sender=sender, order=order, at=timezone.now())
        return json_answer(progress.snapshot(run), status=201 if is_new else 200)


class RunView(OwnerView):
    """One run."""

    @operation("runs_show", answer=_RUN, errors=["not_found"])
    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        """Show a run."""
        return json_answer(progress.snapshot(own_run(self.caller.owner_id, run_id)))


class ChunkView(OwnerView):
    """One chunk of a run, under the random id its device gave it."""

    uploads_by = "PUT"

    @operation("chunks_put", answer=_STORED, errors=_PUT, headers=_SAID, raw=("request", "application/x-ndjson"))
    def put(self, request: Request, run_id: UUID, chunk_id: UUID) -> HttpResponse:
        """Store a chunk."""
        sender, head = self.caller.sender(), chunk_head(request, chunk_id)
        limits = uploads.limits_for(head.entries)
        size = min(bodies.announced_length(request) or limits.body, limits.body)
        with memory.uploads.hold(memory.weight_of(body=size, payload=min(head.payload_bytes, limits.inflated))):
            parcel = intake.Parcel(head, bodies.read_body(request, limit=limits.body))
            outcome = intake.receive_chunk(sender=sender, run_id=run_id, parcel=parcel, at=timezone.now())
        status = 201 if outcome is Outcome.STORED else 200
        return json_answer({"id": str(chunk_id), "status": "stored", "seq": head.seq}, status=status)


class MissingView(OwnerView):
    """What a run still lacks."""

    @operation("runs_missing", body=bodies.Holdings, answer={200: answers.Differing}, errors=_READ_BACK)
    def post(self, request: Request, run_id: UUID) -> HttpResponse:
        """Compare bucket digests; answer what the server holds where they differ."""
        body = bodies.parse(request, bodies.Holdings)
        run = own_run(self.caller.owner_id, run_id)
        return json_answer({"differing": verification.missing(run, body.listed())})


class SealView(OwnerView):
    """The end of a run's upload."""

    @operation("runs_seal", body=bodies.SealRun, answer=_RUN, errors=_SEAL)
    def post(self, request: Request, run_id: UUID) -> HttpResponse:
        """Seal the upload under a manifest."""
        body = bodies.parse(request, bodies.SealRun)
        sender, at = self.caller.sender(), timezone.now()
        run = intake.seal(sender=sender, run_id=run_id, manifest=body.manifest, at=at)
        return json_answer(progress.snapshot(run))


class ReceiptView(OwnerView):
    """What "migrated" means."""

    @operation("runs_receipt", answer=_RECEIPT, errors=["not_found"], query=_WAITING)
    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        """Return the receipt, or the run as it stands after waiting for one."""
        seconds, owner_id = _wait(request), self.caller.owner_id
        run = steering.find_standing(owner_id=owner_id, run_id=run_id)
        steering.refuse_ended(run, epoch=self.caller.epoch)
        if seconds and waiting.may_still_get_receipt(run.state, run.mismatch):
            waiting.wait_until_decided(run_id, seconds=seconds)
            run = steering.find_standing(owner_id=owner_id, run_id=run_id)
        if run.receipt:
            return json_answer({"receipt": run.receipt, "statement": run.statement})
        return json_answer(progress.snapshot_of(run_id), status=202)


class PauseView(OwnerView):
    """The wish to pause."""

    @operation("runs_pause", answer=_RUN, errors=_STEER)
    def post(self, request: Request, run_id: UUID) -> HttpResponse:
        """Wish the run paused; workers answer between two batches."""
        caller = self.caller
        run = steering.pause(owner_id=caller.owner_id, run_id=run_id, at=timezone.now(), actor=caller.actor)
        return json_answer(progress.snapshot(run))


class ResumeView(OwnerView):
    """The wish to go on."""

    @operation("runs_resume", answer=_RUN, errors=_STEER)
    def post(self, request: Request, run_id: UUID) -> HttpResponse:
        """Let a paused or failed run go on where it stopped."""
        caller, at = self.caller, timezone.now()
        run = steering.resume(owner_id=caller.owner_id, run_id=run_id, epoch=caller.epoch, at=at, actor=caller.actor)
        return json_answer(progress.snapshot(run))


class CancelView(OwnerView):
    """The wish to stop."""

    @operation("runs_cancel", answer=_RUN, errors=_STEER)
    def post(self, request: Request, run_id: UUID) -> HttpResponse:
        """Cancel the run; what is loaded stays until it is rolled back."""
        caller = self.caller
        run = steering.cancel(owner_id=caller.owner_id, run_id=run_id, at=timezone.now(), actor=caller.actor)
        return json_answer(progress.snapshot(run))


def own_run(owner_id: UUID, run_id: UUID) -> MigrationRun:
    """Return a run of this owner. Raises NotFound for any other."""
    run = MigrationRun.objects.filter(id=run_id, owner_id=owner_id).order_by().first()
    if run is None:
        raise NotFound("There is no such run.")
    return run


def chunk_head(request: Request, chunk_id: UUID) -> ChunkHead:
    """Return what the headers say of a chunk. Raises BodyInvalid, UnsupportedMediaType."""
    if (request.content_type or "").partition(";")[0].strip().lower() != "application/x-ndjson":
        raise exceptions.UnsupportedMediaType(request.content_type or "none")
    numbers = [callers.number_header(request, f"Migration-{name}") for name in ("Seq", "Entries", "Bytes")]
    seq, entries, payload_bytes = numbers
    if seq is None or entries is None or payload_bytes is None:
        raise BodyInvalid("The headers Migration-Seq, Migration-Entries and Migration-Bytes are needed.")
    try:
        sha256 = from_wire(request.headers.get("Migration-Sha256", ""))
    except ValueError as error:
        raise BodyInvalid("The header Migration-Sha256 is not a base64url SHA-256.") from error
    encoding = request.headers.get("Content-Encoding", uploads.IDENTITY).strip().lower()
    reason = request.headers.get("Migration-Reason", "")
    if not _CODE.fullmatch(reason):
        raise BodyInvalid("The header Migration-Reason is not a short code.", header="Migration-Reason")
    return ChunkHead(chunk_id, seq, entries, payload_bytes, sha256, encoding, reason)


def _is_of_all(request: Request) -> bool:
    asked = request.GET.get("all", "0")
    if asked not in {"0", "1"}:
        raise BodyInvalid("`all` is 0 or 1.")
    return asked == "1"


def _wait(request: Request) -> float:
    text = request.GET.get("wait", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise BodyInvalid("`wait` is a whole number of seconds.")
    return float(min(int(text), _LONGEST_WAIT))
