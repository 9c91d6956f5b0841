"""Ways back: named points, reasons why not, the preview, the rollback itself, and its undo (semantics 8)."""

from migration.rollback.points import create_point, list_points
from migration.rollback.reasons import Reason, reasons_against_run, reasons_against_undo
from migration.rollback.revert import Kept, Outcome, Revert, kept_keys, revert
from migration.rollback.service import RollbackService

__all__ = [
    "Kept",
    "Outcome",
    "Reason",
    "Revert",
    "RollbackService",
    "create_point",
    "kept_keys",
    "list_points",
    "reasons_against_run",
    "reasons_against_undo",
    "revert",
]
