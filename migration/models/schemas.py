"""What the values of collections look like: samples of shapes, the schema kept of them, and where values drift.

No value of a user is kept here. A sample names entries by their keys' hashes and holds the shapes of their values;
whoever wants to see an example opens the record itself.
"""

from django.db import models

from migration.models.tenancy import App


class CollectionSchema(models.Model):
    """One collection of one app: what was inferred of it, and what an operator pinned."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="schemas")
    collection = models.TextField()
    shape = models.JSONField(default=dict, help_text="Types and members with their counts; schemas are made of it.")
    sampled = models.BigIntegerField(default=0, help_text="Entries the shape was made of.")
    judged = models.IntegerField(default=0, help_text="Entries looked at in the current window for misfits.")
    misfits = models.IntegerField(default=0, help_text="Those of them that did not fit.")
    pinned = models.TextField(null=True, help_text="The JSON Schema entries are held to; NULL: none.")
    version = models.IntegerField(default=0, help_text="Rises with every pin.")
    pinned_at = models.DateTimeField(null=True)
    pinned_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "collection schema"
        constraints = [models.UniqueConstraint(fields=["app", "collection"], name="schema_once")]

    def __str__(self) -> str:
        return f"schema {self.pk}"


class SchemaSample(models.Model):
    """What one batch saw of one collection in one chunk. Appended by work, folded and pruned by the sweeper."""

    app_id = models.UUIDField()
    owner_id = models.UUIDField(db_index=True)
    run_id = models.UUIDField()
    namespace = models.TextField()
    collection = models.TextField()
    entries = models.JSONField(help_text="[{key: hash in hex, shape, refused}]")
    folded = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="sample_to_fold", condition=models.Q(folded=False)),
            models.Index(fields=["app_id", "collection", "-id"], name="sample_newest"),
        ]


class DriftNotice(models.Model):
    """One way in which entries began to differ from the kept schema."""

    class Kind(models.TextChoices):
        NEW_MEMBER = "new_member"
        CHANGED_TYPE = "changed_type"
        MISSING_MEMBER = "missing_member"
        MISFITS = "misfits"

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+")
    schema = models.ForeignKey(CollectionSchema, on_delete=models.CASCADE, related_name="drift")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    path = models.TextField(help_text="JSON pointer; * stands for any item or member.")
    detail = models.TextField()
    types = models.JSONField(default=list, help_text="Types that are new at the path; empty: whatever stands there.")
    count = models.BigIntegerField(help_text="How often it was seen in what was sampled.")
    looked_at = models.BigIntegerField(help_text="Entries sampled since the first one that showed it, itself included.")
    sampled_before = models.BigIntegerField(help_text="Entries sampled until then.")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schema", "kind", "path"], name="notice_once")]

    @property
    def share(self) -> float:
        """Its share of the entries looked at."""
        return min(1.0, self.count / self.looked_at) if self.looked_at else 0.0
