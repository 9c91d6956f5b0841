"""What the server holds: backups and records."""

from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import accounts, answers, bodies, callers, shapes
from migration.api.base import OwnerView
from migration.api.configuration import known_timeline
from migration.api.problems import json_answer
from migration.api.schema import WHOLE, operation
from migration.api.streaming import send_file
from migration.orchestration import retrieving
from migration.values.digests import to_wire

_PAGE = 1_000
_ANY = ("answer", "application/gzip")
_UNREADABLE = ["not_found", "backup_unreadable", "backup_expired"]
_PLACE = {
    "after": (WHOLE, "the revision to go on from, default 0"),
    "limit": (WHOLE, "records in a page, at most 1000"),
}


class BackupsView(OwnerView):
    """The owner's backups."""

    @operation("backups_list", answer={200: answers.BackupList})
    def get(self, request: Request) -> HttpResponse:
        """List them, newest first."""
        rows = retrieving.list_backups(owner_id=self.caller.owner_id)
        return json_answer({"backups": [shapes.backup(row) for row in rows]})


class BackupCheckView(OwnerView):
    """Whether a backup can be trusted."""

    @operation("backups_verify", answer={200: answers.BackupChecked}, errors=["not_found", "backup_expired"])
    def post(self, request: Request, backup_id: UUID) -> HttpResponse:
        """Open every chunk of it and say what is wrong."""
        at = timezone.now()
        found = retrieving.verify_backup(owner_id=self.caller.owner_id, backup_id=backup_id, at=at)
        return json_answer(shapes.examination(found))


class BackupDownloadView(OwnerView):
    """A backup's content."""

    @operation("backups_download", answer={200: None}, errors=_UNREADABLE, raw=_ANY)
    def get(self, request: Request, backup_id: UUID) -> StreamingHttpResponse:
        """Send the latest line per key, in the order of key hashes, gzipped; `Migration-Digest` is their set digest."""
        found = retrieving.download_backup(owner_id=self.caller.owner_id, backup_id=backup_id)
        headers = {"Migration-Digest": to_wire(found.digest)}
        return send_file(request, found.file, content_type="application/gzip", headers=headers)


class RecordsView(OwnerView):
    """The owner's records."""

    @operation("records_changes", answer={200: answers.RecordPage}, query=_PLACE)
    def get(self, request: Request) -> HttpResponse:
        """List those that changed after a revision, in revision order."""
        after, limit = callers.number_query(request, "after", 0), callers.number_query(request, "limit", _PAGE)
        changes = retrieving.changed_records(owner_id=self.caller.owner_id, after=after, limit=limit)
        return json_answer(
            {
                "records": [shapes.change(row) for row in changes.records],
                "revision": changes.revision,
                "more": changes.more,
                "timeline": known_timeline(),
            }
        )


class RecordDigestsView(OwnerView):
    """The owner's records against what the browser holds."""

    @operation("records_digests", body=bodies.Holdings, answer={200: accounts.Compared})
    def post(self, request: Request) -> HttpResponse:
        """Compare bucket digests; answer what the server holds where they differ."""
        listed = bodies.parse(request, bodies.Holdings).listed()
        return json_answer(retrieving.compare_records(owner_id=self.caller.owner_id, collections=listed))
