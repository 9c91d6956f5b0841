"""What happens next: one verb per file; `MigrationOrchestrator` names them all and adds nothing."""

from migration.orchestration.facade import MigrationOrchestrator

__all__ = ["MigrationOrchestrator"]
