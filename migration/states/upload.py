"""The upload of a run: what intake accepts."""

from django.db import models

from migration.states.machine import Machine


class UploadState(models.TextChoices):
    """Open takes chunks, sealed waits for the last to be loaded, consumed is loaded."""

    OPEN = "open"
    SEALED = "sealed"
    CONSUMED = "consumed"
    EXPIRED = "expired"


UPLOAD = Machine(
    "upload",
    UploadState.OPEN,
    {
        UploadState.OPEN: {UploadState.SEALED: "seal", UploadState.EXPIRED: "nothing came in time"},
        UploadState.SEALED: {UploadState.CONSUMED: "all loaded", UploadState.OPEN: "repair"},
        UploadState.CONSUMED: {UploadState.OPEN: "repair"},
        UploadState.EXPIRED: {},
    },
)
