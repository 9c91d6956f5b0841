"""What did not become a record: quarantine, read only."""

from django.http import HttpResponse
from rest_framework.request import Request

from migration.api import answers, callers, shapes
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import MOST, WHOLE, operation
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
