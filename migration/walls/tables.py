"""Which tables hold what belongs to somebody, and what an owner's own request may do to its rows there.

Row-level security is put on every table of the app that has a column `owner_id` or `app_id`, listed or not. What is
listed here are the rights: a table that is not listed is closed to owners' requests, whatever its rows.
"""

from dataclasses import dataclass

OWNER_SETTING, APP_SETTING = "migration.owner", "migration.app"
"""Names of the settings, local to a transaction, that say for whom it works."""

# Columns in brackets: only those. A lock on a row (FOR NO KEY UPDATE) needs the right to update one column. Previews
# of a rollback revert records and let the transaction go, so they need the rights of doing it.
GRANTS: dict[str, str] = {
    "migration_app": "SELECT",
    "migration_appsecret": "",  # callers are identified before a scope begins, by a question of its own
    "migration_app_staff": "",
    "migration_apppoint": "",  # operators' words about everybody
    "migration_approllback": "",
    "migration_archivejob": "",
    "migration_auditline": "INSERT, SELECT",  # read by an owner's export
    "migration_backup": "SELECT, INSERT, UPDATE (verified_at)",
    "migration_chunk": "SELECT, INSERT",
    "migration_collectionschema": "SELECT (app_id, collection, pinned, sampled, version)",
    "migration_collectionstage": "SELECT",
    "migration_comparisonminute": "",
    "migration_comparisonsample": "SELECT, INSERT",
    "migration_conflict": "SELECT, INSERT, UPDATE",
    "migration_cutoverlook": "",
    "migration_cutoverplan": "",
    "migration_device": "SELECT, UPDATE (deletions, deletions_seq, deletions_since, fence, last_seen_at)",
    "migration_deviceoutbox": "SELECT, INSERT, UPDATE (at, bytes, count, errors, oldest_seconds, stage)",
    "migration_driftnotice": "",
    "migration_erasure": "SELECT, INSERT",
    "migration_gatereading": "",
    "migration_migrationrun": "SELECT, INSERT, UPDATE",
    "migration_mismatch": "SELECT, INSERT, UPDATE (at, local, reason, server, stage)",
    "migration_pulse": "",
    "migration_owner": "SELECT, UPDATE (epoch, kind, last_seen_at, revision, subject, switched_off)",
    "migration_quarantineentry": "SELECT",
    "migration_repetition": "SELECT, INSERT, UPDATE",
    "migration_replay": "",
    "migration_record": "SELECT, INSERT, UPDATE, DELETE",
    "migration_record_version": "SELECT, INSERT",
    "migration_restoration": "SELECT, INSERT",
    "migration_rollback": "SELECT, INSERT",
    "migration_rollbackproof": "",
    "migration_rollbackpoint": "SELECT, INSERT",
    "migration_runevent": "SELECT, INSERT",
    "migration_schemasample": "",
    "migration_socketticket": "SELECT, INSERT, DELETE, UPDATE (expires_at)",
    "migration_stagechange": "",
    "migration_tombstone": "INSERT",  # an owner may ask to be erased, and see nobody's mark
    "migration_usage": "SELECT, INSERT, UPDATE",
}
"""Table → rights of the tenant's role, within its own rows; empty: none."""

SHARED: dict[str, str] = {
    "migration_tuning": "settings of the whole installation",
}
"""Tables of the app whose rows belong to nobody, each with the reason why."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A table and the condition under which a row of it is the tenant's own."""

    table: str
    condition: str

    @property
    def rights(self) -> str:
        """What the tenant's role may do there; empty: nothing."""
        return GRANTS.get(self.table, "")


def bound_of(table: str, columns: frozenset[str]) -> Bound | None:
    """Return the condition for a table with these columns; None when its rows belong to nobody."""
    conditions = [f"{column} = {_own(setting)}" for column, setting in _columns(table) if column in columns]
    return Bound(table, " AND ".join(conditions)) if conditions else None


def _columns(table: str) -> list[tuple[str, str]]:
    if table == "migration_app":
        return [("id", APP_SETTING)]
    if table == "migration_owner":
        return [("id", OWNER_SETTING), ("app_id", APP_SETTING)]
    return [("owner_id", OWNER_SETTING), ("app_id", APP_SETTING)]


def _own(setting: str) -> str:
    # Outside a scope the setting is absent or empty: the comparison is then with NULL, and no row passes.
    return f"nullif(current_setting('{setting}', true), '')::uuid"
