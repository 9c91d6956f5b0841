"""What can keep the stack from running; each is said to the operator in one line."""


class StackError(Exception):
    """The stack cannot do what was asked of it."""
