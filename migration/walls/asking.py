"""Questions inside a scope."""

from collections.abc import Sequence

from migration.asking import Rows, ask_all, is_between_transactions
from migration.values.questions import Question
from migration.walls.scope import current_scope


def ask_together(questions: Sequence[Question]) -> list[Rows]:
    """Ask all of them in the caller's transaction, in their order, and return the rows of each.

    Each sees what those before it did. Where the transaction begins with them, a scope says first for whom it works.
    """
    scope = current_scope() if is_between_transactions() else None
    return ask_all([scope, *questions])[1:] if scope else ask_all(questions)
