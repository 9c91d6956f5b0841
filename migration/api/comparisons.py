"""What browsers tell of both sides, as a typed body."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from migration.api.bodies import Number
from migration.errors import BodyInvalid
from migration.orchestration.comparing import Line, Pair, Waiting
from migration.values.epochs import Epoch


class ComparisonLine(Struct, forbid_unknown_fields=True):
    """What was compared of a collection (empty: all without a stage of their own) since the device told last.

    `agreed` and `noise` (local differed from itself) are among `compared`; `errors` (asked and not answered) are not.
    `ms`: how long some of the server's answers took.
    """

    collection: Annotated[str, Meta(max_length=128)]
    compared: Annotated[int, Meta(ge=0, le=1_000_000)]
    agreed: Annotated[int, Meta(ge=0, le=1_000_000)]
    noise: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    errors: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    ms: Annotated[list[Annotated[float, Meta(ge=0, le=14_400_000)]], Meta(max_length=64)] = []

    def line(self) -> Line:
        """Return it as a value. Raises BodyInvalid when more agreed than was compared."""
        if self.agreed + self.noise > self.compared:
            raise BodyInvalid("More agreed than was compared.")
        return Line(self.collection, self.compared, self.agreed, self.noise, self.errors, self.ms)


class MismatchBody(Struct, forbid_unknown_fields=True):
    """One key whose sides differed; null is a side without it. Values are cut when they are long."""

    collection: Annotated[str, Meta(max_length=128)]
    key: Annotated[str, Meta(max_length=8_192)]
    reason: Literal["differs", "absent_local", "absent_server", "noise"]
    local: Annotated[str, Meta(max_length=8_192)] | None = None
    server: Annotated[str, Meta(max_length=8_192)] | None = None

    def pair(self) -> Pair:
        """Return it as a value."""
        return Pair(self.collection, self.key, self.reason, self.local, self.server)


class OutboxBody(Struct, forbid_unknown_fields=True):
    """A device's outbox: writes that wait, their bytes, the age of the oldest, attempts that failed."""

    count: Number
    bytes: Number
    oldest_seconds: Annotated[float, Meta(ge=0, le=1e10)]
    errors: Number = 0

    def waiting(self) -> Waiting:
        """Return it as a value."""
        return Waiting(self.count, self.bytes, self.oldest_seconds, self.errors)


class Comparisons(Struct, forbid_unknown_fields=True):
    """What a device compared, a few of the mismatches, and how its outbox is. `epoch` is the one it compared under."""

    epoch: Annotated[str, Meta(pattern=r"^[0-9]{1,18}\.[0-9]{1,18}$")] | None = None
    lines: Annotated[list[ComparisonLine], Meta(max_length=200)] = []
    mismatches: Annotated[list[MismatchBody], Meta(max_length=20)] = []
    outbox: OutboxBody | None = None

    def told_epoch(self) -> Epoch | None:
        """Return the epoch it was compared under, if it says."""
        return None if self.epoch is None else Epoch.parse(self.epoch)

    def compared(self) -> list[Line]:
        """Return the lines. Raises BodyInvalid."""
        return [one.line() for one in self.lines]

    def differing(self) -> list[Pair]:
        """Return the mismatches."""
        return [one.pair() for one in self.mismatches]

    def waiting(self) -> Waiting | None:
        """Return the outbox, if it is told."""
        return None if self.outbox is None else self.outbox.waiting()
