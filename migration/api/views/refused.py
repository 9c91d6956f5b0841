"""What did not simply become a record: quarantine and conflicts, read only."""

from django.http import HttpResponse
from rest_framework.request import Request

from migration.api import answers, shapes
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import operation
from migration.models import Conflict, QuarantineEntry

_MOST = 500


class QuarantineView(OwnerView):
    """The owner's refused entries."""

    @operation("quarantine_list", answer={200: answers.QuarantineList})
    def get(self, request: Request) -> HttpResponse:
        """List the newest five hundred."""
        rows = QuarantineEntry.objects.filter(owner_id=self.caller.owner_id).order_by("-id")[:_MOST]
        return json_answer({"quarantine": [shapes.quarantined(row) for row in rows]})


class ConflictsView(OwnerView):
    """The owner's conflicts."""

    @operation("conflicts_list", answer={200: answers.ConflictList})
    def get(self, request: Request) -> HttpResponse:
        """List the newest five hundred."""
        rows = Conflict.objects.filter(owner_id=self.caller.owner_id).order_by("-id")[:_MOST]
        return json_answer({"conflicts": [shapes.conflict(row) for row in rows]})
