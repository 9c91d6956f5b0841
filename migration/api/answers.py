"""The shapes of answers, for the OpenAPI description; tests hold real answers to them."""

from typing import Any, Literal

from msgspec import Struct

from migration.cutover import Config


class Problem(Struct, kw_only=True, omit_defaults=True):
    """What every error looks like. Clients match on `code`; some codes add members of their own."""

    code: str
    detail: str
    epoch: str | None = None
    retry_after: int | None = None


class SessionOpened(Struct, forbid_unknown_fields=True):
    """A guest's token and what goes with it. `expires_at` in seconds since 1970."""

    token: str
    expires_at: int
    owner: str
    epoch: str
    config: Config


class TicketIssued(Struct, forbid_unknown_fields=True):
    """A one-time permission to open a socket, shown as the subprotocol `ticket.<ticket>`."""

    ticket: str
    expires_in: int


class EntryCounts(Struct, forbid_unknown_fields=True):
    """Entries of a run."""

    total: int
    received: int
    processed: int
    stored: int
    unchanged: int
    superseded: int
    conflict: int
    quarantined: int
    withheld: int
    deleted: int


class ByteCounts(Struct, forbid_unknown_fields=True):
    """Bytes of canonical lines."""

    total: int
    received: int
    processed: int


class ChunkCounts(Struct, forbid_unknown_fields=True):
    """Chunks of a run."""

    received: int
    loaded: int


class Phases(Struct, forbid_unknown_fields=True):
    """How far each phase is, 0 to 1."""

    upload: float
    validation: float
    backup: float
    load: float
    verification: float


class RunError(Struct, forbid_unknown_fields=True):
    """One of a run's newest errors."""

    code: str
    detail: str
    at: str


class Receipt(Struct, forbid_unknown_fields=True):
    """The signed statement (compact JWS, EdDSA) and its payload."""

    receipt: str
    statement: dict[str, Any]


class RunSnapshot(Struct, forbid_unknown_fields=True):
    """A run, whole, of one instant."""

    id: str
    state: Literal[
        "planned",
        "transferring",
        "verifying",
        "completed",
        "failed",
        "expired",
        "cancelled",
        "rolling_back",
        "rolled_back",
    ]
    purpose: Literal["migrate", "backup"]
    dry_run: bool
    sealed: bool
    paused: bool
    cancelling: bool
    manifest_version: int
    epoch: str
    number: int
    entries: EntryCounts
    bytes: ByteCounts
    chunks: ChunkCounts
    phases: Phases
    percentage: float
    entries_per_second: float
    eta_seconds: float | None
    success_rate: float
    errors: list[RunError]
    mismatch: dict[str, list[str]] | None
    verify_rounds: int
    receipt: Receipt | None
    can_rollback: bool
    created_at: str
    finished_at: str | None


class RunList(Struct, forbid_unknown_fields=True):
    """Runs, newest first."""

    runs: list[RunSnapshot]


class ChunkStored(Struct, forbid_unknown_fields=True):
    """The chunk is committed."""

    id: str
    status: Literal["stored"]
    seq: int


class Differing(Struct, forbid_unknown_fields=True):
    """{collection: {bucket: [[key as JSON text, fingerprint]]}}: what the server holds where digests differ."""

    differing: dict[str, dict[str, list[tuple[str, str]]]]


class Point(Struct, forbid_unknown_fields=True):
    """A rollback point."""

    id: str
    name: str
    revision: int
    run: str | None
    created_at: str


class PointList(Struct, forbid_unknown_fields=True):
    """Rollback points, newest first."""

    points: list[Point]


class Reason(Struct, forbid_unknown_fields=True):
    """Why something cannot be rolled back."""

    code: str
    detail: str


class KeptKey(Struct, forbid_unknown_fields=True):
    """A key that stays because it was written since."""

    key_json: str
    collection: str
    revision: int


class RollbackPreview(Struct, forbid_unknown_fields=True):
    """What a rollback would do, in keys.

    Of those `reverted`, `deleted` were not there then; `journaled` were edited since: the edits are kept as conflicts.
    """

    scope: Literal["run", "owner", "collection", "record"]
    can_rollback: bool
    reasons: list[Reason]
    reverted: int
    deleted: int
    journaled: int
    kept: list[KeptKey]
    kept_count: int


class Rollback(Struct, forbid_unknown_fields=True):
    """A rollback as it stands."""

    id: str
    scope: Literal["run", "owner", "collection", "record"]
    state: Literal["requested", "done", "failed"]
    run: str | None
    point: str | None
    undoes: str | None
    collection: str | None
    key_json: str | None
    to_revision: int
    from_revision: int | None
    reverted: int
    kept: int
    journaled: int
    created_at: str
    finished_at: str | None


class ErasureAsked(Struct, forbid_unknown_fields=True):
    """An owner's erasure was asked for; from now on its requests answer `erased`."""

    erasure: str
    state: Literal["requested", "done"]


class OwnerBegun(Struct, forbid_unknown_fields=True):
    """Who the caller is now, and under which epoch."""

    owner: str
    epoch: str


class Backup(Struct, forbid_unknown_fields=True):
    """A backup: the chunks of one run, as received."""

    id: str
    run: str
    created_at: str
    entries: int
    bytes: int
    chunks: int
    state: Literal["open", "sealed", "expired"]
    digest: str | None


class BackupList(Struct, forbid_unknown_fields=True):
    """Backups, newest first."""

    backups: list[Backup]


class BackupProblem(Struct, forbid_unknown_fields=True):
    """What is wrong with a backup, and in which chunk."""

    code: str
    detail: str
    chunk: str | None


class BackupChecked(Struct, forbid_unknown_fields=True):
    """Whether every chunk of a backup opens, and what they hold."""

    ok: bool
    entries: int
    digest: str
    problems: list[BackupProblem]


class Change(Struct, forbid_unknown_fields=True):
    """A record as it stands: its canonical line as text, one element long for a deletion.

    `own` tells that the asking device wrote it last. What has the cause `rollback` is never written into a browser that
    reads from itself.
    """

    line: str
    revision: int
    own: bool
    cause: str


class ChangePage(Struct, forbid_unknown_fields=True):
    """Records changed after a revision, in revision order. `revision` is the owner's, `until` where to go on from."""

    changes: list[Change]
    revision: int
    until: int
    more: bool
    timeline: str


class OpOutcome(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What became of one op.

    `line` is what the server holds, where that is not what was sent. An accepted op without a revision was overtaken
    by a newer one of the same device.
    """

    seq: int
    outcome: Literal["accepted", "merged", "conflict", "refused"]
    revision: int | None
    line: str | None = None
    reason: str | None = None
    detail: str | None = None
    policy: str | None = None
    conflict: int | None = None


class OpsWritten(Struct, forbid_unknown_fields=True):
    """The ops are committed; `revision` is the owner's after them."""

    timeline: str
    revision: int
    outcomes: list[OpOutcome]


class Quarantined(Struct, forbid_unknown_fields=True):
    """A refused entry with its reason."""

    id: int
    run: str
    key_json: str
    collection: str
    code: str
    detail: str
    path: str
    bytes: int
    state: str
    created_at: str


class QuarantineList(Struct, forbid_unknown_fields=True):
    """Refused entries, newest first."""

    quarantine: list[Quarantined]


class Conflict(Struct, forbid_unknown_fields=True):
    """Two values for one record, both kept: what arrived (`local`), what the server held (`remote`), their `base`.

    Each is a canonical line as text, one element long for a deletion; null where it is not kept (any more). `who` is
    the device whose value lost, `choice` what somebody decided since.
    """

    id: int
    run: str | None
    key_json: str
    collection: str
    policy: str
    winner: str
    record_revision: int
    base_revision: int | None
    base: str | None
    local: str | None
    remote: str | None
    who: str | None
    when: str
    why: str
    state: Literal["open", "decided"]
    choice: str | None
    decided_at: str | None


class ConflictList(Struct, forbid_unknown_fields=True):
    """Conflicts, newest first."""

    conflicts: list[Conflict]


class ComparisonsTaken(Struct, forbid_unknown_fields=True):
    """Lines that were taken, and mismatches that were not kept because they look like secrets."""

    taken: int
    withheld: int


class KeySet(Struct, forbid_unknown_fields=True):
    """The public keys receipts are signed with (JWKS)."""

    keys: list[dict[str, str]]


class Alive(Struct, forbid_unknown_fields=True):
    """The process answers."""

    alive: bool


class Ready(Struct, forbid_unknown_fields=True):
    """Whether requests can be served."""

    ready: bool
    database: bool
    migrated: bool
    token: str
