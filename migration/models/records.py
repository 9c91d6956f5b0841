"""What the server holds: records, the versions they superseded, conflicts, and quarantined entries.

The first two are hot: `owner_id` leads their primary key and every query names it; they have no foreign
keys (a check per row costs more than the row) and stay out of the ORM's relations (DECISIONS.md).
"""

from django.db import models
from django.db.models.functions import Left, Now

from migration.models.fields import JsonTextField
from migration.models.runs import MigrationRun
from migration.states.conflict import ConflictState
from migration.states.quarantine import QuarantineState


class Form(models.IntegerChoices):
    """How `value` holds the entry's string."""

    VERBATIM = 1, "the string itself, which is JSON"
    LITERAL = 2, "a JSON string literal of the string"


class VersionColumns(models.Model):
    """The columns a record and each of its superseded versions share. A NULL value is a tombstone."""

    owner_id = models.UUIDField()
    namespace = models.TextField(db_collation="C", help_text="Compared as bytes: it stands in every key.")
    key_hash = models.BinaryField(max_length=32)
    revision = models.BigIntegerField()
    seq = models.BigIntegerField(help_text="The last writer's sequence number.")
    device_id = models.UUIDField(null=True, help_text="The last writer; NULL for the server itself (a rollback).")
    run_id = models.UUIDField(null=True)
    cause = models.TextField(default="run", help_text="run, op, rollback, resolution.")
    written_at = models.DateTimeField()
    form = models.SmallIntegerField(choices=Form.choices)
    queryable = models.BooleanField(help_text="Verbatim and free of escapes that Postgres cannot turn into text.")
    fingerprint = models.BinaryField(max_length=32)
    collection = models.TextField()
    key_json = models.TextField(help_text="JSON.stringify(key).")
    value = JsonTextField(null=True)

    class Meta:
        abstract = True


class Record(VersionColumns):
    """The current state of one (owner, namespace, key)."""

    pk = models.CompositePrimaryKey("owner_id", "namespace", "key_hash")

    class Meta:
        db_table = "migration_record"
        permissions = [("reveal_record", "Can look at users' values (written to the audit log)")]
        # What devices that follow live by: what has changed since a revision.
        indexes = [models.Index(fields=["owner_id", "revision"], name="record_by_revision")]


class RecordVersion(VersionColumns):
    """A superseded version: it held from `revision` until `superseded_by` (exclusive)."""

    pk = models.CompositePrimaryKey("owner_id", "namespace", "key_hash", "revision")
    superseded_by = models.BigIntegerField()

    class Meta:
        db_table = "migration_record_version"


class Repetition(models.Model):
    """A device said what another had written already: no change, but a later number than what it had said before.

    Without it an older write of that device, arriving late, would pass for a newer one.
    """

    pk = models.CompositePrimaryKey("owner_id", "namespace", "key_hash", "device_id")
    owner_id = models.UUIDField()
    namespace = models.TextField(db_collation="C", help_text="Compared as bytes: it stands in every key.")
    key_hash = models.BinaryField(max_length=32)
    device_id = models.UUIDField()
    seq = models.BigIntegerField()
    revision = models.BigIntegerField(help_text="What the record stood at.")
    noted_at = models.DateTimeField(db_default=Now())


class Conflict(models.Model):
    """Two values for one record; the loser is kept here verbatim, with who, when and why."""

    State = ConflictState

    owner_id = models.UUIDField(db_index=True)
    namespace = models.TextField(db_collation="C", help_text="Compared as bytes: it stands in every key.")
    key_hash = models.BinaryField(max_length=32)
    key_json = models.TextField()
    collection = models.TextField()
    run = models.ForeignKey(MigrationRun, null=True, on_delete=models.SET_NULL, related_name="conflicts")
    policy = models.CharField(max_length=20)
    winner = models.CharField(max_length=10, help_text="arriving, server, or none while nobody has chosen.")
    reason = models.TextField()
    record_revision = models.BigIntegerField(help_text="The record's revision after the decision.")
    base_revision = models.BigIntegerField(null=True)
    loser_device_id = models.UUIDField(null=True)
    loser_seq = models.BigIntegerField(default=0)
    loser_form = models.SmallIntegerField(choices=Form.choices)
    loser_fingerprint = models.BinaryField(max_length=32)
    loser_value = JsonTextField(null=True)
    state = models.CharField(max_length=10, choices=ConflictState.choices, default=ConflictState.OPEN)
    choice = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="local, remote, custom; other: by another one.",
    )
    choice_fingerprint = models.BinaryField(max_length=32, null=True, help_text="Of the line that was chosen.")
    stood_revision = models.BigIntegerField(null=True, help_text="The record's, when somebody first chose.")
    decided_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    decided_at = models.DateTimeField(null=True, help_text="When somebody chose; NULL where the policy decided.")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["owner_id", "-id"], name="conflict_of_owner"),
            models.Index(fields=["-id"], name="conflict_open", condition=models.Q(state="open")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("owner_id", "namespace", "key_hash", "record_revision"),
                    *("loser_device_id", "loser_fingerprint"),
                ],
                nulls_distinct=False,
                name="conflict_once",
            )
        ]


PATH_PREFIX = 200
"""Characters of a path the index of refused entries holds: whole ones, which users' members name, may be too long."""


class QuarantineEntry(models.Model):
    """A refused entry with its reason, kept verbatim as canonical line, editable, replayable."""

    run = models.ForeignKey(MigrationRun, on_delete=models.CASCADE, related_name="quarantine")
    app_id = models.UUIDField()
    owner_id = models.UUIDField(db_index=True)
    chunk_id = models.BigIntegerField()
    ordinal = models.IntegerField(help_text="Place in the chunk, from 0.")
    seq = models.BigIntegerField()
    key_hash = models.BinaryField(max_length=32)
    fingerprint = models.BinaryField(max_length=32)
    collection = models.TextField()
    line = models.BinaryField(help_text="The canonical line as received.")
    code = models.CharField(max_length=64)
    detail = models.TextField()
    path = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=QuarantineState.choices, default=QuarantineState.OPEN)
    edited = models.BooleanField(default=False, db_default=False, help_text="Replayed with another value than it had.")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "quarantined entry"
        verbose_name_plural = "quarantine"
        constraints = [models.UniqueConstraint(fields=["chunk_id", "ordinal"], name="quarantined_once")]
        indexes = [
            models.Index(fields=["run", "code"], name="quarantine_by_cause"),
            models.Index(
                "app_id", "state", "code", "collection", Left("path", PATH_PREFIX), "id", name="quarantine_alike"
            ),
            models.Index(fields=["created_at"], name="quarantine_newest"),
        ]
