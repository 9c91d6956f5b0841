"""Two values for one record: listed with both sides, and decided."""

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import answers, bodies, callers, shapes
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import MOST, WHOLE, Query, operation
from migration.errors import BodyInvalid
from migration.models import Conflict
from migration.orchestration import deciding

_PLACE: dict[str, Query] = {
    "before": (WHOLE, "only those with a lower id: the last one of the page before"),
    "state": ({"type": "string", "enum": ["open", "decided"]}, "only those in this state"),
}
_DECIDE = ("not_found", "wrong_state", "line_form", "sensitive_item")


class ConflictsView(OwnerView):
    """The owner's conflicts."""

    @operation("conflicts_list", answer={200: answers.ConflictList}, query=_PLACE)
    def get(self, request: Request) -> HttpResponse:
        """List a page, newest first: five hundred, or fewer where values are large."""
        state = request.GET.get("state")
        if state is not None and state not in Conflict.State.values:
            raise BodyInvalid("`state` is open or decided.")
        before = callers.number_query(request, "before", MOST)
        rows = deciding.list_conflicts(owner_id=self.caller.owner_id, before=before, state=state)
        return json_answer({"conflicts": [shapes.conflict(row) for row in rows]})


class DecisionView(OwnerView):
    """What is to stand of a conflict."""

    @operation("conflicts_resolve", body=bodies.DecisionOrder, answer={200: answers.Conflict}, errors=_DECIDE)
    def post(self, request: Request, conflict_id: int) -> HttpResponse:
        """Decide it, or decide otherwise. The same choice again changes nothing."""
        decision, caller = bodies.parse(request, bodies.DecisionOrder).decision(), self.caller
        sides = deciding.decide(
            owner_id=caller.owner_id,
            conflict_id=conflict_id,
            decision=decision,
            actor=caller.actor,
            at=timezone.now(),
        )
        return json_answer(shapes.conflict(sides))
