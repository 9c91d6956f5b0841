"""Records: what has changed, what a device writes, and how they compare with what the browser holds."""

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import accounts, answers, bodies, callers, memory, shapes
from migration.api.base import OwnerView
from migration.api.configuration import known_timeline
from migration.api.problems import json_answer
from migration.api.schema import WHOLE, Query, operation
from migration.config import setting
from migration.errors import TooLarge
from migration.orchestration import retrieving, writing

_PAGE = 1_000
_SINCE: dict[str, Query] = {
    "since": (WHOLE, "the revision to go on from, default 0"),
    "timeline": "the timeline that revision is of",
    "limit": (WHOLE, "records in a page, at most 1000"),
    "forgetful": "1: answer although deletions since that revision are forgotten; compare digests for those",
}
_CHANGES = ("timeline_changed", "cursor_expired")
_WRITE = ("wrong_state", "timeline_changed", "fence_superseded", "over_quota")


class RecordsView(OwnerView):
    """The owner's records."""

    @operation("records_changes", answer={200: answers.ChangePage}, query=_SINCE, errors=_CHANGES)
    def get(self, request: Request) -> HttpResponse:
        """List those that changed after a revision, in revision order."""
        timeline, caller = known_timeline(), self.caller
        changes = retrieving.changed_records(
            owner_id=caller.owner_id,
            since=callers.number_query(request, "since", 0),
            limit=callers.number_query(request, "limit", _PAGE),
            timeline=timeline,
            told_timeline=request.GET.get("timeline"),
            forgetful=request.GET.get("forgetful") == "1",
        )
        return json_answer(
            {
                "changes": [shapes.change(row, device_id=caller.device_id) for row in changes.records],
                "revision": changes.revision,
                "until": changes.until,
                "more": changes.more,
                "timeline": timeline,
            }
        )

    @operation("records_write", body=bodies.Ops, answer={200: answers.OpsWritten}, errors=_WRITE)
    def post(self, request: Request) -> HttpResponse:
        """Write a batch of ops in one transaction; the same batch again changes nothing and is answered alike."""
        sender, timeline = self.caller.sender(), known_timeline()
        most, single = int(setting("OPS_BYTES")), int(setting("SINGLE_ENTRY_BYTES"))
        with memory.uploads.hold(8 * min(bodies.announced_length(request) or single, single)):
            body = bodies.parse(request, bodies.Ops, limit=single)
            if len(body.ops) > 1 and sum(len(one.line) for one in body.ops) > most:
                raise TooLarge(f"The lines of more than one op may have {most} characters.", limit=most)
            ack = writing.write_ops(
                sender=sender,
                stages=self.caller.stages,
                ops=body.listed(),
                timeline=timeline,
                told_timeline=body.timeline,
                confirmed=body.confirmed,
                at=timezone.now(),
            )
        outcomes = [shapes.outcome(one) for one in ack.outcomes]
        return json_answer({"timeline": timeline, "revision": ack.revision, "outcomes": outcomes})


class RecordReadView(OwnerView):
    """Records by their keys."""

    @operation("records_read", body=bodies.Keys, answer={200: accounts.NamedRecords})
    def post(self, request: Request) -> HttpResponse:
        """Read what is held under each of some keys, in their order; large values end the answer early."""
        keys = bodies.parse(request, bodies.Keys).canonical()
        found = retrieving.read_records(owner_id=self.caller.owner_id, keys=keys)
        told = [{"line": one.line, "revision": one.revision} for one in found]
        return json_answer({"records": told, "timeline": known_timeline()})


class RecordDigestsView(OwnerView):
    """The owner's records against what the browser holds."""

    @operation("records_digests", body=bodies.RecordHoldings, answer={200: accounts.Compared})
    def post(self, request: Request) -> HttpResponse:
        """Compare bucket digests, a stretch of buckets at a time; answer what the server holds where they differ."""
        body, owner_id = bodies.parse(request, bodies.RecordHoldings), self.caller.owner_id
        return json_answer(
            retrieving.compare_records(owner_id=owner_id, collections=body.listed(), first=int(body.first, 16))
        )
