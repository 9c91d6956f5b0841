"""Which fault points which tests kill a process at; `tests/architecture` sees to it that none is left out."""

LOADING = (
    "claim.after_commit",
    "load.entry",
    "load.after_stage",
    "load.before_commit",
    "load.after_commit",
    "verify.before_commit",
    "verify.after_commit",
)
INTAKE = ("intake.before_store", "intake.after_commit")
ROLLING_BACK = ("rollback.before_commit", "rollback.after_commit")
ROLLING_BACK_APPS = ("app_rollback.after_list", "app_rollback.after_claim", *ROLLING_BACK)
REPLAYING = ("replay.before_commit",)
FOLDING = ("schemas.before_commit",)
WRITING = ("records.before_commit", "records.after_commit")
RESTORING = ("restore.after_batch", "restore.before_commit", "restore.after_commit")
PRUNING = ("prune.before_commit", "prune.after_commit")
ERASING = ("erase.before_commit", "erase.after_commit")
ARCHIVING = ("export.owner", "archive.before_commit", "archive.after_commit")
ROWS = {
    *LOADING,
    *INTAKE,
    *ROLLING_BACK_APPS,
    *REPLAYING,
    *FOLDING,
    *WRITING,
    *RESTORING,
    *PRUNING,
    *ERASING,
    *ARCHIVING,
}
