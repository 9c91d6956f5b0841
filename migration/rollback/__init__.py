"""Ways back: named points, reasons why not, the preview, the rollback itself, and its undo (semantics 8)."""

from migration.rollback.app_wide import Census, Standing, census_of, changed_owners, list_shares, standing_of
from migration.rollback.points import create_app_point, create_point, list_points
from migration.rollback.reasons import (
    Reason,
    reasons_against_app_undo,
    reasons_against_revision,
    reasons_against_run,
    reasons_against_undo,
)
from migration.rollback.revert import Kept, Outcome, Revert, kept_keys, revert
from migration.rollback.service import RollbackService
from migration.rollback.within import EVERYTHING, Within

__all__ = [
    "EVERYTHING",
    "Census",
    "Kept",
    "Outcome",
    "Reason",
    "Revert",
    "RollbackService",
    "Standing",
    "Within",
    "census_of",
    "changed_owners",
    "create_app_point",
    "create_point",
    "kept_keys",
    "list_points",
    "list_shares",
    "reasons_against_app_undo",
    "reasons_against_revision",
    "reasons_against_run",
    "reasons_against_undo",
    "revert",
    "standing_of",
]
