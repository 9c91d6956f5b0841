"""What waits for a worker besides chunks and verifications: mostly nothing, so all of it is asked for at once."""

from typing import NamedTuple

from migration.asking import ask
from migration.values.questions import Question

_DUE = Question(
    """
SELECT EXISTS (SELECT FROM migration_migrationrun WHERE cancel_wished AND state IN ('planned', 'transferring')),
       EXISTS (SELECT FROM migration_rollback WHERE state = 'requested' AND app_rollback_id IS NULL),
       EXISTS (SELECT FROM migration_approllback WHERE state = 'at_work'),
       EXISTS (SELECT FROM migration_replay WHERE state = 'requested'),
       EXISTS (SELECT FROM migration_erasure WHERE state = 'requested')
""",
    [],
)


class Due(NamedTuple):
    """Which kinds of work wait. What comes a moment later rings by itself."""

    cancellations: bool
    rollbacks: bool
    app_rollbacks: bool
    replays: bool
    erasures: bool


def what_is_due() -> Due:
    """Look once."""
    return Due(*ask(_DUE)[0])
