"""What did not simply become a record: quarantine and conflicts, read only."""

from django.http import HttpResponse
from rest_framework.request import Request

from migration.api import shapes
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.models import Conflict, QuarantineEntry

_MOST = 500


class QuarantineView(OwnerView):
    """The owner's refused entries."""

    def get(self, request: Request) -> HttpResponse:
        """List the newest five hundred."""
        rows = QuarantineEntry.objects.filter(owner_id=self.caller.owner_id).order_by("-id")[:_MOST]
        return json_answer({"quarantine": [shapes.quarantined(row) for row in rows]})


class ConflictsView(OwnerView):
    """The owner's conflicts."""

    def get(self, request: Request) -> HttpResponse:
        """List the newest five hundred."""
        rows = Conflict.objects.filter(owner_id=self.caller.owner_id).order_by("-id")[:_MOST]
        return json_answer({"conflicts": [shapes.conflict(row) for row in rows]})
