"""Addresses of the API. No address ends with a slash, and none is redirected."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from migration.api.views import (
    comparisons,
    conflicts,
    guide,
    health,
    holdings,
    owners,
    records,
    refused,
    reports,
    rollbacks,
    runs,
    sessions,
)

# Tried in this order: first those that are asked again and again.
_described = [
    path("records", records.RecordsView.as_view(), name="records"),
    path("runs/<uuid:run_id>/chunks/<uuid:chunk_id>", runs.ChunkView.as_view(), name="chunk"),
    path("sessions", sessions.SessionsView.as_view(), name="sessions"),
    path("config", sessions.ConfigView.as_view(), name="config"),
    path("tickets", sessions.TicketsView.as_view(), name="tickets"),
    path("keys", sessions.KeysView.as_view(), name="keys"),
    path("runs", runs.RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", runs.RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/missing", runs.MissingView.as_view(), name="missing"),
    path("runs/<uuid:run_id>/seal", runs.SealView.as_view(), name="seal"),
    path("runs/<uuid:run_id>/receipt", runs.ReceiptView.as_view(), name="receipt"),
    path("runs/<uuid:run_id>/pause", runs.PauseView.as_view(), name="pause"),
    path("runs/<uuid:run_id>/resume", runs.ResumeView.as_view(), name="resume"),
    path("runs/<uuid:run_id>/cancel", runs.CancelView.as_view(), name="cancel"),
    path("runs/<uuid:run_id>/rollback", rollbacks.RunRollbackView.as_view(), name="run-rollback"),
    path("rollback-points", rollbacks.PointsView.as_view(), name="rollback-points"),
    path("rollback-points/<uuid:point_id>/rollback", rollbacks.PointRollbackView.as_view(), name="point-rollback"),
    path("rollbacks/<uuid:rollback_id>", rollbacks.RollbackView.as_view(), name="rollback"),
    path("rollbacks/<uuid:rollback_id>/undo", rollbacks.UndoView.as_view(), name="undo"),
    path("runs/<uuid:run_id>/report", reports.ReportView.as_view(), name="report"),
    path("backups", holdings.BackupsView.as_view(), name="backups"),
    path("backups/<uuid:backup_id>/verify", holdings.BackupCheckView.as_view(), name="backup-verify"),
    path("backups/<uuid:backup_id>/download", holdings.BackupDownloadView.as_view(), name="backup-download"),
    path("records/read", records.RecordReadView.as_view(), name="records-read"),
    path("records/digests", records.RecordDigestsView.as_view(), name="records-digests"),
    path("comparisons", comparisons.ComparisonsView.as_view(), name="comparisons"),
    path("quarantine", refused.QuarantineView.as_view(), name="quarantine"),
    path("conflicts", conflicts.ConflictsView.as_view(), name="conflicts"),
    path("conflicts/<int:conflict_id>/resolve", conflicts.DecisionView.as_view(), name="conflict-resolve"),
    path("runs/<uuid:run_id>/validate", reports.ValidationView.as_view(), name="validate"),
    path("statistics", reports.StatisticsView.as_view(), name="statistics"),
    path("readiness", reports.ReadinessView.as_view(), name="readiness"),
    path("owner/export", owners.ExportView.as_view(), name="owner-export"),
    path("owner/erase", owners.EraseView.as_view(), name="owner-erase"),
    path("owner/anew", owners.AnewView.as_view(), name="owner-anew"),
    path("health", health.HealthView.as_view(), name="health"),
]
v1 = [
    *_described,
    path("openapi.json", health.OpenApiView.as_view(), name="openapi"),
    path("docs", health.DocsView.as_view(), name="docs"),
    path("docs/errors", guide.ErrorsView.as_view(), name="error-pages"),
    path("docs/errors/<slug:code>", guide.ErrorView.as_view(), name="error-page"),
    re_path(r"", health.NowhereView.as_view()),
]
probes = [
    path("livez", health.LiveView.as_view(), name="livez"),
    path("readyz", health.ReadyView.as_view(), name="readyz"),
]


def documented() -> list[URLPattern | URLResolver]:
    """Return the addresses the OpenAPI description covers."""
    return [path("api/v1/", include(_described)), *probes]
