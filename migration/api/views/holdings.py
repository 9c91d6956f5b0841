"""What the server holds: backups."""

from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import answers, shapes
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import operation
from migration.api.streaming import send_file
from migration.orchestration import retrieving
from migration.values.digests import to_wire

_ANY = ("answer", "application/gzip")
_UNREADABLE = ["not_found", "backup_unreadable", "backup_expired"]


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
