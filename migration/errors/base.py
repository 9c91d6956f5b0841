"""The roots of the error tree."""

from typing import Any, ClassVar


class MigrationError(Exception):
    """Something went wrong in the migration service."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str = "", **extras: Any) -> None:
        """Keep `detail` (default: the class's docstring) and `extras`, which doors show beside the code."""
        self.detail = detail or (type(self).__doc__ or "").strip().split("\n")[0]
        self.extras = extras
        super().__init__(self.detail)


class BadInput(MigrationError):
    """The input is wrong; sending it again unchanged cannot help."""

    code = "bad_input"


class Refused(MigrationError):
    """The request was understood but is not allowed now."""

    code = "refused"


class Unavailable(MigrationError):
    """The service cannot do this right now; try again after the given time."""

    code = "unavailable"

    def __init__(self, detail: str = "", *, retry_after: int = 2, **extras: Any) -> None:
        """Keep `retry_after`, whole seconds."""
        super().__init__(detail, retry_after=retry_after, **extras)
