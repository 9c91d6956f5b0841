"""The conductor's names for its verbs. It knows the order of steps and remembers nothing."""

from migration.orchestration.sweeping import sweep
from migration.orchestration.work import work_once, work_until_done


class MigrationOrchestrator:
    """Every verb of the conductor under one name."""

    work_once = staticmethod(work_once)
    work_until_done = staticmethod(work_until_done)
    sweep = staticmethod(sweep)
