"""The chunks as received: the browser's data byte-exact, kept before anything is derived from it."""

from migration.backups.claimed import CLAIMS, LATEST, Keep, stage_claims

__all__ = ["CLAIMS", "LATEST", "Keep", "stage_claims"]
