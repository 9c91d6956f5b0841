"""The chunks as received: the browser's data byte-exact, kept before anything is derived from it."""

from migration.backups.claimed import CLAIMS, LATEST, Keep, stage_claims
from migration.backups.sealing import seal_backups
from migration.backups.service import BackupService, Examination, Problem

__all__ = ["CLAIMS", "LATEST", "BackupService", "Examination", "Keep", "Problem", "seal_backups", "stage_claims"]
