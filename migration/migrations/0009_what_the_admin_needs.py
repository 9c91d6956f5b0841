"""Figures per minute for the dashboard, a right of its own to reveal values, and indexes the admin's pages go by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0008_usage"),
    ]

    operations = [
        migrations.CreateModel(
            name="Pulse",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "app_id",
                        "measure",
                        "code",
                        "minute",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("app_id", models.UUIDField()),
                ("measure", models.CharField(max_length=24)),
                ("code", models.CharField(max_length=64)),
                ("minute", models.DateTimeField()),
                ("amount", models.FloatField()),
            ],
        ),
        migrations.AlterModelOptions(
            name="record",
            options={"permissions": [("reveal_record", "Can look at users' values (written to the audit log)")]},
        ),
        migrations.AddIndex(
            model_name="backup",
            index=models.Index(
                condition=models.Q(("verified_at__isnull", True)), fields=["created_at"], name="backup_unverified"
            ),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=models.Index(
                condition=models.Q(("loaded_at__isnull", False)), fields=["loaded_at"], name="chunk_newly_loaded"
            ),
        ),
        migrations.AddIndex(
            model_name="owner",
            index=models.Index(fields=["app", "id"], name="owner_by_app"),
        ),
        migrations.AddIndex(
            model_name="quarantineentry",
            index=models.Index(fields=["created_at"], name="quarantine_newest"),
        ),
        migrations.AddIndex(
            model_name="runevent",
            index=models.Index(condition=models.Q(("kind", "error")), fields=["at"], name="run_event_newest_error"),
        ),
        migrations.AddIndex(
            model_name="pulse",
            index=models.Index(fields=["minute"], name="pulse_by_age"),
        ),
    ]
