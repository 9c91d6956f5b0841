"""Refused entries name their app, and may be tried again."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

FILL = """
UPDATE migration_quarantineentry q SET app_id = r.app_id FROM migration_migrationrun r
WHERE r.id = q.run_id AND q.app_id IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("migration", "0011_why_batches_are_so_large")]
    operations = [
        migrations.AddField("quarantineentry", "app_id", models.UUIDField(null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField("quarantineentry", "app_id", models.UUIDField()),
        migrations.AddField(
            "quarantineentry",
            "edited",
            models.BooleanField(default=False, db_default=False, help_text="Replayed with another value than it had."),
        ),
        migrations.AddIndex(
            "quarantineentry",
            models.Index(fields=["app_id", "state", "code", "collection", "id"], name="quarantine_alike"),
        ),
        migrations.CreateModel(
            name="Replay",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=64)),
                ("collection", models.TextField()),
                ("path", models.TextField(blank=True)),
                (
                    "line",
                    models.BinaryField(null=True, help_text="The canonical line to load instead of the entry's own."),
                ),
                (
                    "changes",
                    models.JSONField(default=list, help_text="Changes to make to each entry first (RFC 6902)."),
                ),
                ("idempotency_key", models.UUIDField(unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("requested", "Requested"), ("done", "Done"), ("failed", "Failed")],
                        default="requested",
                        max_length=10,
                    ),
                ),
                ("failure", models.TextField(blank=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0, help_text="Begun since the last progress.")),
                (
                    "last_entry",
                    models.BigIntegerField(help_text="No entry beyond this one: what is refused later is not meant."),
                ),
                ("after", models.BigIntegerField(default=0)),
                ("replayed", models.BigIntegerField(default=0)),
                ("refused", models.BigIntegerField(default=0, help_text="Refused again.")),
                ("unfit", models.BigIntegerField(default=0, help_text="The changes do not fit.")),
                ("closed", models.BigIntegerField(default=0, help_text="Of runs that take nothing any more.")),
                ("actor", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="replays", to="migration.app"
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replays",
                        to="migration.quarantineentry",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "requested")), fields=["created_at"], name="replay_due")
                ],
            },
        ),
    ]
