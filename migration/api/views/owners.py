"""What an owner may do with all it has here: take it home, have it erased, and begin anew."""

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import answers, bodies
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import operation
from migration.api.streaming import send_file
from migration.orchestration import erasing, exporting

_ZIP = ("answer", "application/zip")


class ExportView(OwnerView):
    """Everything of the owner, to take home."""

    @operation("owner_export", answer={200: None}, raw=_ZIP)
    def get(self, request: Request) -> StreamingHttpResponse:
        """Send a ZIP archive: entries, every table's rows, the content of every backup, and a manifest with sums."""
        caller = self.caller
        file = exporting.export_owner(owner_id=caller.owner_id, actor=caller.actor, at=timezone.now())
        return send_file(request, file, content_type="application/zip")


class EraseView(OwnerView):
    """Everything of the owner, gone for good."""

    @operation("owner_erase", body=bodies.ErasureOrder, answer={202: answers.ErasureAsked})
    def post(self, request: Request) -> HttpResponse:
        """Erase the owner: refused from now on with `erased`, deleted by a worker."""
        bodies.parse(request, bodies.ErasureOrder)
        caller = self.caller
        asked = erasing.request_erasure(owner_id=caller.owner_id, actor=caller.actor, at=timezone.now())
        return json_answer({"erasure": str(asked.id), "state": asked.state}, status=202)


class AnewView(OwnerView):
    """A fresh start for whoever was erased."""

    anew = True

    @operation("owner_anew", answer={200: answers.OwnerBegun}, errors=["erased"])
    def post(self, request: Request) -> HttpResponse:
        """Begin with nothing, as this device of this user; for an owner that was not erased nothing changes."""
        return json_answer({"owner": str(self.caller.owner_id), "epoch": str(self.caller.epoch)})
