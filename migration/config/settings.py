"""Every `MIGRATION_*` setting with its default and meaning; the README's table is made from this one."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True)
class Setting:
    """One setting: its default and what it means, unit included."""

    default: Any
    meaning: str


SETTINGS: dict[str, Setting] = {
    "ARCHIVE_BATCH_LEAST": Setting(10, "records in a batch of an archive at least"),
    "ARCHIVE_BATCH_MEMORY": Setting(2_097_152, "what the lines of one batch of an archive may take, bytes"),
    "ARCHIVE_BATCH_MOST": Setting(10_000, "records in a batch of an archive at most"),
    "ARCHIVE_BATCH_SECONDS": Setting(2.0, "how long a batch of an archive should take, s"),
    "ARCHIVE_BATCH_START": Setting(100, "records in the first batch of an archive"),
    "ARCHIVE_JOB_DAYS": Setting(7, "work on an archive nobody went on with is forgotten after this time, days"),
    "ARCHIVE_LINE_BYTES": Setting(100_663_296, "longest line of an archive, bytes"),
    "ARCHIVE_PATIENCE": Setting(300.0, "how long work on an archive waits for a lost Postgres, s"),
    "CHUNK_BYTES": Setting(1_048_576, "largest chunk as sent, bytes"),
    "INFLATED_BYTES": Setting(8_388_608, "largest chunk once inflated, bytes"),
    "SINGLE_ENTRY_BYTES": Setting(33_554_432, "inflated size allowed to a chunk of one entry, bytes"),
    "INFLATE_RATIO": Setting(200, "a chunk may inflate to this many times its size (64 KiB are always allowed)"),
    "CHUNK_ENTRIES": Setting(10_000, "entries in a chunk"),
    "OPS_BYTES": Setting(1_048_576, "lines of one request of several ops, characters (a single op: an entry's size)"),
    "CREATE_BYTES": Setting(1_572_864, "largest JSON body (a run created with its chunks), bytes"),
    "ENTRY_BYTES": Setting(33_554_432, "a longer canonical line goes to quarantine, bytes"),
    "KEY_UNITS": Setting(5_242_880, "a longer key goes to quarantine, UTF-16 code units (no localStorage holds one)"),
    "RUN_IDLE_SECONDS": Setting(7 * 86_400, "a planned run expires after this time without a chunk, s"),
    "DRY_RUN_SECONDS": Setting(3_600, "what a dry run left is deleted after this time, s"),
    "BATCH_ENTRIES": Setting(5_000, "entries claimed for one batch at most (a single larger chunk is taken whole)"),
    "BATCH_CHUNKS": Setting(64, "chunks claimed for one batch at most"),
    "LOAD_STRATEGY": Setting("auto", "how batches are written: auto, copy, upsert, row (parallel, hybrid: archives)"),
    "LOAD_WORKERS": Setting(4, "processes that work on one archive at most"),
    "LOAD_CPU_SHARE": Setting(
        0.8, "share of all cores beyond which no process more is started for an archive, and what is large rests"
    ),
    "ROOM_SECONDS": Setting(2.0, "pause between two looks at how much room there is, s (0: never looked)"),
    "ROOM_MEMORY_SHARE": Setting(0.95, "share of the machine's memory beyond which nothing more is taken (0: any)"),
    "ROOM_PROCESS_BYTES": Setting(0, "memory of a process beyond which it takes nothing more, bytes (0: any)"),
    "ROOM_CPU_SHARE": Setting(0.0, "share of all cores beyond which nothing more is taken (0: any)"),
    "ROOM_DISK_BYTES": Setting(67_108_864, "free bytes for temporary files below which nothing more is taken"),
    "ROOM_CONNECTIONS_SHARE": Setting(0.95, "share of Postgres' connections beyond which nothing more is taken"),
    "ROOM_COMMIT_SECONDS": Setting(5.0, "time of a commit of nothing beyond which nothing more is taken, s"),
    "ROOM_LAG_SECONDS": Setting(0.0, "how far a replica may be behind before nothing more is taken, s (0: any)"),
    "ROOM_QUEUE_SECONDS": Setting(120.0, "age of the oldest waiting chunk beyond which no upload is taken, s (0: any)"),
    "LEASE_SECONDS": Setting(45, "a claim is void after this time, s"),
    "SWEEP_SECONDS": Setting(5.0, "pause between two sweeps, s"),
    "POISON_ATTEMPTS": Setting(2, "claims in vain after which a single entry is quarantined as poison"),
    "ROLLBACK_ATTEMPTS": Setting(5, "attempts at one rollback before it fails"),
    "REPLAY_ATTEMPTS": Setting(5, "attempts at one batch of a replay before the replay fails"),
    "VERIFY_ATTEMPTS": Setting(5, "attempts at one verification before the run fails"),
    "VERIFY_ROUNDS": Setting(3, "verifications of one run before it fails"),
    "ERROR_HISTORY": Setting(50, "errors kept in a run's progress"),
    "PROGRESS_SECONDS": Setting(0.1, "shortest pause between two progress messages of a run, s"),
    "TOKEN_SECONDS": Setting(900, "longest life of a user token, s"),
    "TOKEN_SKEW_SECONDS": Setting(60, "clock skew allowed to tokens, s"),
    "TICKET_SECONDS": Setting(30, "life of a socket ticket, s"),
    "REQUESTS_PER_MINUTE": Setting(1_200, "requests an account may make per minute"),
    "GUEST_REQUESTS_PER_MINUTE": Setting(600, "requests a guest may make per minute"),
    "APP_REQUESTS_PER_MINUTE": Setting(0, "requests all owners of an app may make per minute (0: any number)"),
    "ADDRESS_REQUESTS_PER_MINUTE": Setting(60_000, "requests an address may make per minute"),
    "ADDRESS_REFUSALS_PER_MINUTE": Setting(600, "requests without valid credentials an address may make per minute"),
    "GATHER_SECONDS": Setting(0.02, "how long a worker lets uploads gather before a batch, s"),
    "GUEST_SESSIONS_PER_MINUTE": Setting(600, "guest sessions an address may open per minute"),
    "TRUSTED_PROXIES": Setting(0, "proxies in front whose X-Forwarded-For is believed, counted from this server"),
    "ACCOUNT_BYTES_PER_DAY": Setting(4_294_967_296, "payload bytes an account may send per day, UTC (0: any number)"),
    "ACCOUNT_ENTRIES_PER_DAY": Setting(20_000_000, "entries an account may send per day"),
    "ACCOUNT_RUNS_PER_DAY": Setting(2_000, "runs an account may begin per day"),
    "ACCOUNT_STORED_BYTES": Setting(17_179_869_184, "payload bytes kept of an account"),
    "GUEST_BYTES_PER_DAY": Setting(268_435_456, "payload bytes a guest may send per day"),
    "GUEST_ENTRIES_PER_DAY": Setting(1_000_000, "entries a guest may send per day"),
    "GUEST_RUNS_PER_DAY": Setting(200, "runs a guest may begin per day"),
    "GUEST_STORED_BYTES": Setting(1_073_741_824, "payload bytes kept of a guest"),
    "APP_BYTES_PER_DAY": Setting(0, "payload bytes all owners of an app may send per day"),
    "APP_ENTRIES_PER_DAY": Setting(0, "entries all owners of an app may send per day"),
    "APP_RUNS_PER_DAY": Setting(0, "runs all owners of an app may begin per day"),
    "APP_STORED_BYTES": Setting(0, "payload bytes kept of all owners of an app"),
    "DELETIONS": Setting(0, "keys a device may delete at once before a person must confirm more (0: any number)"),
    "DELETION_SECONDS": Setting(600, "length of that window, s"),
    "OUTBOX_DAYS": Setting(90, "how long a device may be away and still have its writes merged, days"),
    "TOMBSTONE_DAYS": Setting(90, "how long it is remembered what was deleted, days"),
    "POINT_DAYS": Setting(180, "rollback points are kept this long, the newest for ever, days"),
    "CONFLICT_DAYS": Setting(365, "what lost a decided conflict is kept this long at least, days"),
    "PRUNE_SECONDS": Setting(86_400, "pause between two looks at one owner's past, s"),
    "PRUNE_OWNERS": Setting(20, "owners whose past one sweep looks at"),
    "PRUNE_ROWS": Setting(5_000, "rows of one kind and owner that go in one commit"),
    "REDIS_TIMEOUT": Setting(0.5, "how long a bell or message may wait for Redis, s"),
    "TENANT_ROLE": Setting(
        "syncserver_tenant", "Postgres role owners' requests work under (its own on a shared server)"
    ),
    "ADMIN_THEME": Setting("unfold", "the admin's look: unfold, or none for Django's own"),
    "ENVIRONMENT": Setting("local", "what the admin's badge calls this installation (production: production)"),
    "MISMATCHES": Setting(200, "mismatches kept per collection, the newest"),
    "MISMATCH_DAYS": Setting(7, "mismatches are kept this long at most, days"),
    "PULSE_DAYS": Setting(8, "figures per minute, for the dashboard's plots, are kept this long, days"),
    "SCHEMA_BYTES": Setting(131_072, "largest JSON Schema that may be pinned, bytes"),
    "SCHEMA_JUDGED_BYTES": Setting(
        2_097_152, "characters of the longest value a pinned schema judges; it refuses longer"
    ),
    "SCHEMA_SETTLED": Setting(100, "sampled entries after which a collection's schema is held to be known"),
    "SCHEMA_SAMPLES": Setting(200, "samples kept per collection"),
    "DRIFT_SHARE": Setting(0.05, "share of misfits from which a collection is said to drift"),
    "LOOK_SECONDS": Setting(60, "pause between two looks at an app's gates, s"),
    "GATE_SECONDS": Setting(86_400, "window in which comparisons count for a gate, s"),
    "GATE_RECEIPTS": Setting(8_000, "share of the devices that needs a receipt, basis points"),
    "GATE_OUTBOX_SECONDS": Setting(60, "oldest write that may wait in 99 % of the outboxes, s"),
    "GATE_DIFF": Setting(100, "open conflicts and quarantined entries per 10,000 devices with a receipt, at most"),
    "GATE_COMPARISONS": Setting(1_000, "keys that have to be compared"),
    "GATE_MISMATCHES": Setting(10, "share of the comparisons that may differ, basis points"),
    "GATE_ERRORS": Setting(100, "share of the questions the server may leave unanswered, basis points"),
    "GATE_P99_MS": Setting(2_000, "how long 99 % of the server's answers may take, ms"),
    "GATE_PROOF_HOURS": Setting(24, "how old the proof that rollback works may be, h"),
    "PROOF_SECONDS": Setting(3_600, "a rollback is rehearsed anew for planned cutovers after this time, s"),
    "GATE_STRAGGLERS": Setting(0, "devices that may be without a receipt when a cutover is completed"),
    "STRAGGLER_DAYS": Setting(30, "a device not seen for so long is not waited for, days"),
    "BREACH_SECONDS": Setting(600, "window in which a breach is looked for, s"),
    "BREACH_COMPARISONS": Setting(200, "comparisons in that window below which nothing is a breach"),
    "BREACH_DEVICES": Setting(3, "devices that have to find something amiss (all, where fewer compare)"),
    "BREACH_MISMATCHES": Setting(100, "share of comparisons that differ beyond which reads go back, basis points"),
    "BREACH_ERRORS": Setting(500, "share of unanswered questions beyond which reads go back, basis points"),
    "BREACH_P99_MS": Setting(10_000, "time 99 % of the answers take beyond which reads go back, ms"),
    "READ_LEASE_SECONDS": Setting(
        86_400, "how long a browser that hears nothing of the server passes its copy for the server's, s"
    ),
    "ADVANCE_HOOK": Setting("", "callable (dotted path) asked before a stage advances; a text it returns is a veto"),
    "ADVANCE_WEBHOOK": Setting("", "address asked before a stage advances; only 200 and `allow: true` let it"),
    "ADVANCE_WEBHOOK_SECRET": Setting("", "key its requests are signed with (HMAC-SHA256)"),
    "ADVANCE_HOOK_SECONDS": Setting(5.0, "how long either may take, s"),
    "FAULTS": Setting("", "armed fault points, NAME:N:ACTION[:MATCH],… or @FILE with such a text (tests only)"),
    "FAULTS_ONCE": Setting("", "folder that, where it is, remembers which armed faults have fired (tests only)"),
}


TUNABLE = tuple(
    name
    for name in SETTINGS
    if name.startswith(("ARCHIVE_BATCH_", "BATCH_", "LOAD_", "ROOM_")) or name in {"GATHER_SECONDS", "PRUNE_OWNERS"}
)
"""Settings that may be changed while everything runs."""
tuned: dict[str, str] = {}
"""What of them was changed, as this process knows it. `migration.config.tuning` alone writes here."""


def read(name: str, text: Any) -> Any:
    """Return `text` in the type of a setting's default. Raises KeyError for no setting, ValueError for other text."""
    return type(SETTINGS[name].default)(text)


def given_setting(name: str) -> Any:
    """Return `MIGRATION_<name>` as the environment says it, else the default, in its type. Raises as `read`."""
    given = settings.MIGRATION.get(name)
    return SETTINGS[name].default if given is None else read(name, given)


def setting(name: str) -> Any:
    """Return `MIGRATION_<name>` as it was changed while running, else as it is given. Raises as `read`."""
    return read(name, tuned[name]) if name in tuned else given_setting(name)
