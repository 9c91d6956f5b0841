"""The shapes of answers that give an account: of a run, of an owner, of the service."""

from typing import Any, Literal

from msgspec import Struct, field

from migration.api.answers import RunSnapshot


class HealthParts(Struct, forbid_unknown_fields=True):
    """How each part is; what could not be asked is null."""

    database: bool
    database_ms: float | None
    redis: bool
    workers: int
    queue_depth: int | None
    queue_age_seconds: float | None
    last_sweep_seconds: float | None
    breakers: dict[str, Literal["closed", "open", "half_open"]]
    """Of the process that answers, towards Postgres and towards Redis."""


class StageHealth(Struct, forbid_unknown_fields=True):
    """How both sides do in one stage: shares from 0 to 1, null of nothing. The outboxes are the browsers' side."""

    stage: str
    compared: int
    consistency_rate: float | None
    error_rate: float | None
    p99_ms: float | None
    outboxes: int
    outbox_p99_seconds: float | None


class CoordinatorHealth(Struct, forbid_unknown_fields=True):
    """How an app's two sides agree and catch up, over a window; of the server's side, chunks that wait for a worker."""

    window_seconds: int
    stages: list[StageHealth]
    server_waiting: int
    server_oldest_seconds: float


class Health(Struct, forbid_unknown_fields=True):
    """How the service is; its parts, and how the app's cutover does, only for callers with a token."""

    status: Literal["ok", "degraded", "down"]
    version: str
    parts: HealthParts | None = None
    coordinator: CoordinatorHealth | None = None


class Check(Struct, forbid_unknown_fields=True):
    """One check: what its failing means (`ok`: it passed), and what was found."""

    code: str
    severity: Literal["issue", "warning", "ok"]
    passed: bool
    detail: str


class Readiness(Struct, forbid_unknown_fields=True):
    """Whether a migration can begin and could be taken back: no check of severity `issue` is left."""

    ready: bool
    checked_at: str
    checks: list[Check]


class CollectionSize(Struct, forbid_unknown_fields=True):
    """Live records of a collection and the bytes of their values."""

    name: str
    records: int
    bytes: int


class DatabaseSide(Struct, forbid_unknown_fields=True):
    """An owner's records, and the revision they stand at."""

    revision: int
    records: int
    tombstones: int
    bytes: int
    collections: list[CollectionSize]


class BackupTotals(Struct, forbid_unknown_fields=True):
    """An owner's backups together."""

    count: int
    entries: int
    bytes: int
    newest_at: str | None


class LastReceipt(Struct, forbid_unknown_fields=True):
    """The newest receipt's counts."""

    run: str
    purpose: Literal["migrate", "backup"]
    issued_at: str
    stored: int
    conflict: int
    quarantined: int
    withheld: int


class SyncStatus(Struct, forbid_unknown_fields=True):
    """How far the device is behind: `written` is its own last revision, `behind` what others wrote after `since`."""

    revision: int
    since: int
    written: int
    behind: int


class Statistics(Struct, forbid_unknown_fields=True):
    """What the server holds of an owner; runs, conflicts and quarantine by state."""

    database: DatabaseSide
    runs: dict[str, int]
    conflicts: dict[str, int]
    quarantine: dict[str, int]
    backups: BackupTotals
    last_receipt: LastReceipt | None
    sync: SyncStatus


class SetAside(Struct, forbid_unknown_fields=True):
    """An entry in quarantine, by its key as JSON text and its fingerprint, with the reason's code."""

    key_json: str
    collection: str
    fingerprint: str
    code: str


class Compared(Struct, forbid_unknown_fields=True):
    """Held where digests differ: {collection: {bucket: [[key as JSON text, fingerprint]]}}; and what was refused.

    An answer reaches as far as 10,000 records or 8 MiB of values, and to the end of that bucket. `next` is the bucket
    to ask for `first` after it, null when all were compared.
    """

    differing: dict[str, dict[str, list[tuple[str, str]]]]
    quarantined: list[SetAside]
    next: str | None


class BackupStands(Struct, forbid_unknown_fields=True):
    """Whether the chunks of a run open and hold what was sealed."""

    readable: bool
    as_sealed: bool
    entries: int
    unreadable_chunks: list[str]


class PlaceStands(Struct, forbid_unknown_fields=True):
    """One of the receipt's counts, then and now; `agrees` compares the digests."""

    place: Literal["stored", "conflict", "quarantined"]
    entries: int
    entries_now: int
    agrees: bool


class Standings(Struct, forbid_unknown_fields=True):
    """Entries of a run by how they stand; only missing and damaged ones have no explanation."""

    stored: int
    conflict: int
    quarantined: int
    written_since: int
    rolled_back: int
    missing: int
    damaged: int


class Unexplained(Struct, forbid_unknown_fields=True):
    """A key whose entry is held nowhere, or not as it was."""

    key_json: str
    reason: Literal["missing", "damaged"]


class Validation(Struct, forbid_unknown_fields=True):
    """How a run's entries stand against its receipt; false for what no later write and no rollback explains."""

    run: str
    checked_at: str
    valid: bool
    backup: BackupStands
    receipt: list[PlaceStands]
    standing: Standings
    unexplained: list[Unexplained]


class Placed(Struct, forbid_unknown_fields=True):
    """How many entries are in one place, with their digest once they are verified."""

    entries: int
    digest: str | None


class Moved(Struct, forbid_unknown_fields=True):
    """Where a run's entries are: disjoint counts, the receipt's once there is one."""

    verified: bool
    stored: Placed
    conflict: Placed
    quarantined: Placed
    withheld: Placed


class Phase(Struct, forbid_unknown_fields=True):
    """From when to when one of a run's phases went, and its seconds. Phases overlap."""

    name: str
    from_: str | None = field(name="from")
    to: str | None
    seconds: float | None


class Rate(Struct, forbid_unknown_fields=True):
    """Entries that arrived and were loaded in each of at most 200 equal steps of time."""

    since: str | None
    step_seconds: float
    arrived: list[int]
    loaded: list[int]


class Report(Struct):
    """What happened in a run: counts, times, sizes, reasons and codes; never a key, never a value."""

    generated_at: str
    app: str
    app_name: str
    owner: dict[str, str]
    device: str
    user_agent: str
    run: RunSnapshot
    options: dict[str, Any]
    conflict_policy: str
    failure_code: str | None
    moved: Moved
    durations: dict[str, Any]
    phases: list[Phase]
    rate: Rate
    uploads: list[dict[str, Any]]
    batches: list[dict[str, Any]]
    repairs: dict[str, int]
    collections: list[dict[str, Any]]
    withheld: dict[str, Any]
    quarantined: list[dict[str, Any]]
    quarantine_groups: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    errors_by_code: dict[str, int]
    rollback: dict[str, Any]
    rollbacks: list[dict[str, Any]]
    timeline: list[dict[str, Any]]


class NamedRecord(Struct, forbid_unknown_fields=True):
    """What a key holds: its canonical line as text, one element long where nothing is; revision 0: nothing ever was."""

    line: str
    revision: int


class NamedRecords(Struct, forbid_unknown_fields=True):
    """What the keys hold, in the order asked for; fewer of them where their values are large."""

    records: list[NamedRecord]
    timeline: str
