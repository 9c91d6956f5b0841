"""Ways back: points, previews, rollbacks, undo."""

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration import rollback
from migration.api import answers, bodies, shapes
from migration.api.base import OwnerView
from migration.api.callers import Caller
from migration.api.problems import json_answer
from migration.api.schema import Query, operation
from migration.errors import BodyInvalid
from migration.orchestration import rolling_back
from migration.rollback import EVERYTHING, Within

_PREVIEW = {200: answers.RollbackPreview}
_ASKED = {202: answers.Rollback}
_PART: dict[str, Query] = {
    "collection": "only this collection, by the name its records have now",
    "key_json": "only the record of this key, a JSON string",
}
_ASK = ("not_found", "cannot_roll_back", "idempotency_mismatch")


def _within(caller: Caller, collection: str | None, key_json: str | None) -> Within:
    """Return how much of the caller's data is meant. Raises BodyInvalid."""
    if collection is not None and key_json is not None:
        raise BodyInvalid("Either a collection or a record, not both.")
    if collection is not None:
        if "\x00" in collection:
            raise BodyInvalid("No collection's name holds U+0000.")
        return Within.of_collection(collection)
    if key_json is None:
        return EVERYTHING
    try:
        return Within.of_record(namespace=caller.app.namespace, key_json=key_json)
    except ValueError as error:
        raise BodyInvalid("`key_json` is a JSON string.") from error


class PointsView(OwnerView):
    """The owner's rollback points."""

    @operation("points_list", answer={200: answers.PointList})
    def get(self, request: Request) -> HttpResponse:
        """List them, newest first."""
        points = rollback.list_points(owner_id=self.caller.owner_id)
        return json_answer({"points": [shapes.point(row) for row in points]})

    @operation("points_create", body=bodies.PointOrder, answer={201: answers.Point})
    def post(self, request: Request) -> HttpResponse:
        """Name the revision the owner stands at now."""
        name, caller = bodies.parse(request, bodies.PointOrder).name, self.caller
        point = rollback.create_point(owner_id=caller.owner_id, name=name, actor=caller.actor, at=timezone.now())
        return json_answer(shapes.point(point), status=201)


class RunRollbackView(OwnerView):
    """Rolling one run back."""

    @operation("runs_rollback_preview", answer=_PREVIEW, errors=["not_found"])
    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        """Preview it."""
        reasons, outcome = rolling_back.preview_run(owner_id=self.caller.owner_id, run_id=run_id, at=timezone.now())
        return json_answer(shapes.preview("run", reasons, outcome))

    @operation("runs_rollback", body=bodies.RollbackOrder, answer=_ASKED, errors=_ASK)
    def post(self, request: Request, run_id: UUID) -> HttpResponse:
        """Ask for it."""
        order, caller = bodies.parse(request, bodies.RollbackOrder), self.caller
        asked = rolling_back.request_run_rollback(
            owner_id=caller.owner_id,
            run_id=run_id,
            idempotency_key=order.idempotency_key,
            actor=caller.actor,
            at=timezone.now(),
        )
        return json_answer(shapes.rollback(asked), status=202)


class PointRollbackView(OwnerView):
    """Taking the owner, one of its collections or one of its records back to a point."""

    @operation("points_rollback_preview", answer=_PREVIEW, query=_PART, errors=["not_found"])
    def get(self, request: Request, point_id: UUID) -> HttpResponse:
        """Preview it."""
        caller = self.caller
        within = _within(caller, request.GET.get("collection"), request.GET.get("key_json"))
        reasons, outcome = rolling_back.preview_point(
            owner_id=caller.owner_id, point_id=point_id, within=within, at=timezone.now()
        )
        return json_answer(shapes.preview(within.scope, reasons, outcome))

    @operation("points_rollback", body=bodies.PointRollbackOrder, answer=_ASKED, errors=_ASK)
    def post(self, request: Request, point_id: UUID) -> HttpResponse:
        """Ask for it."""
        order, caller = bodies.parse(request, bodies.PointRollbackOrder), self.caller
        asked = rolling_back.request_point_rollback(
            owner_id=caller.owner_id,
            point_id=point_id,
            within=_within(caller, order.collection, order.key_json),
            idempotency_key=order.idempotency_key,
            actor=caller.actor,
            at=timezone.now(),
        )
        return json_answer(shapes.rollback(asked), status=202)


class RollbackView(OwnerView):
    """One rollback."""

    @operation("rollbacks_show", answer={200: answers.Rollback}, errors=["not_found"])
    def get(self, request: Request, rollback_id: UUID) -> HttpResponse:
        """Show it."""
        found = rolling_back.find_rollback(owner_id=self.caller.owner_id, rollback_id=rollback_id)
        return json_answer(shapes.rollback(found))


class UndoView(OwnerView):
    """Undoing a rollback."""

    @operation("rollbacks_undo", body=bodies.RollbackOrder, answer=_ASKED, errors=_ASK)
    def post(self, request: Request, rollback_id: UUID) -> HttpResponse:
        """Ask for it."""
        order, caller = bodies.parse(request, bodies.RollbackOrder), self.caller
        asked = rolling_back.undo(
            owner_id=caller.owner_id,
            rollback_id=rollback_id,
            idempotency_key=order.idempotency_key,
            actor=caller.actor,
            at=timezone.now(),
        )
        return json_answer(shapes.rollback(asked), status=202)
