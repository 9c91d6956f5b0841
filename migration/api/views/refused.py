"""What did not simply become a record: quarantine and conflicts, read only."""

from django.http import HttpResponse
from rest_framework.request import Request

from migration.api import answers, callers, shapes
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import MOST, WHOLE, operation
from migration.models import Conflict
from migration.orchestration import quarantine

_MOST = 500
_PLACE = {"before": (WHOLE, "only those with a lower id: the last one of the page before")}


class QuarantineView(OwnerView):
    """The owner's refused entries."""

    @operation("quarantine_list", answer={200: answers.QuarantineList}, query=_PLACE)
    def get(self, request: Request) -> HttpResponse:
        """List five hundred, newest first."""
        before = callers.number_query(request, "before", MOST)
        rows = quarantine.listed(owner_id=self.caller.owner_id, before=before, most=_MOST)
        return json_answer({"quarantine": [shapes.quarantined(row) for row in rows]})


class ConflictsView(OwnerView):
    """The owner's conflicts."""

    @operation("conflicts_list", answer={200: answers.ConflictList})
    def get(self, request: Request) -> HttpResponse:
        """List the newest five hundred."""
        rows = Conflict.objects.filter(owner_id=self.caller.owner_id).order_by("-id")[:_MOST]
        return json_answer({"conflicts": [shapes.conflict(row) for row in rows]})
