"""Who is who: apps (tenants), their secrets, their owners and the owners' devices."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models


class App(models.Model):
    """A tenant: publishable key, signing secrets, allowed origins, settings."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    publishable_key = models.CharField(max_length=64, unique=True)
    allowed_origins = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        help_text="Exact origins (scheme://host:port) whose pages may call the API.",
    )
    guests_allowed = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True, help_text="Switched off: every SDK of this app stops.")
    namespace = models.CharField(
        max_length=64, default="default", help_text="Part of every record's identity; one for all origins."
    )
    collections = models.JSONField(
        default=list,
        blank=True,
        help_text='[{"name": "todo", "patterns": ["todo:*"], "conflict_policy": "AUTO_MERGE"}]',
    )
    exclude = ArrayField(models.CharField(max_length=512), default=list, blank=True)
    allow_sensitive = ArrayField(models.CharField(max_length=512), default=list, blank=True)
    conflict_policy = models.CharField(max_length=20, default="AUTO_MERGE")
    panic = models.BooleanField(
        default=False, db_default=False, help_text="Every browser reads from itself, whatever the stages are."
    )
    salt = models.UUIDField(
        default=uuid.uuid4,
        db_default=RandomUUID(),
        editable=False,
        help_text="Goes into the owners' buckets, so that nobody is first in every app. Never changes.",
    )
    max_entry_bytes = models.PositiveIntegerField(
        default=33_554_432, help_text="A longer canonical line goes to quarantine."
    )
    backup_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=30,
        help_text="Days after which the backup of a completed run is made unreadable; empty: never.",
    )
    epoch = models.BigIntegerField(default=1, help_text="Rises with every change of a stage, panic and disable.")
    limits = models.JSONField(
        default=dict,
        blank=True,
        help_text='Limits of its own, by name: {"guest_bytes_per_day": 1048576}; 0 is none at all.',
    )
    staff = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="+",
        help_text="Who sees this app in the admin; superusers see every app.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class AppSecret(models.Model):
    """A secret key `sk_…`, stored wrapped by the rotatable keys; at most two are active at once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="secrets")
    key_id = models.CharField(max_length=16, unique=True, help_text="First characters after sk_; the `kid` of a token.")
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sk_{self.key_id}…"


class Owner(models.Model):
    """One end user of one app. Its row is the lock under which all of the owner's records change."""

    class Kind(models.TextChoices):
        ACCOUNT = "account"
        GUEST = "guest"
        ERASED = "erased"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="owners")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.CharField(
        max_length=255, help_text="The account's `sub`, or the base64url SHA-256 of a guest's random id."
    )
    revision = models.BigIntegerField(default=0, help_text="Last revision given out; gapless, in commit order.")
    horizon = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Up to this revision history and tombstones may be pruned; cursors and bases below are void.",
    )
    pruned_at = models.DateTimeField(null=True, help_text="When it was last looked at what of its past may go.")
    epoch = models.BigIntegerField(default=1, help_text="Rises on rollback.")
    switched_off = models.BooleanField(
        default=False, db_default=False, help_text="Off, whatever the app's stage is: a rollback did that."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app", "kind", "subject"], name="owner_subject_once")]
        indexes = [
            models.Index(fields=["app", "id"], name="owner_by_app"),
            models.Index(models.F("pruned_at").asc(nulls_first=True), name="owner_to_prune"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject[:24]}"


class Device(models.Model):
    """One browser profile of an owner. `key` is the id its SDK made.

    The same profile under two owners is two devices.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="devices")
    key = models.UUIDField()
    fence = models.BigIntegerField(
        default=0, help_text="Highest fence a leading tab has shown; lower ones are refused."
    )
    deletions = models.BigIntegerField(
        default=0, db_default=0, help_text="Keys it has deleted unconfirmed since `deletions_since`."
    )
    deletions_since = models.DateTimeField(null=True)
    deletions_seq = models.BigIntegerField(default=0, db_default=0, help_text="Number of the last one counted.")
    user_agent = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="device_once_per_owner")]

    def __str__(self) -> str:
        return str(self.key)


class SocketTicket(models.Model):
    """A one-time permission to open a socket; using it deletes the row, so it cannot be used twice."""

    hash = models.BinaryField(primary_key=True, max_length=32)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE)
    run_id = models.UUIDField(null=True, help_text="Only this run; NULL: everything of the owner.")
    staff = models.BooleanField(
        default=False,
        db_default=False,
        help_text="For the admin's own pages: the server's own origin instead of the app's.",
    )
    expires_at = models.DateTimeField(db_index=True)
