"""What browsers find when they compare both sides, how their outboxes are, and the minutes that is folded into."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0022_what_is_forgotten"),
    ]

    operations = [
        migrations.CreateModel(
            name="ComparisonMinute",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "app_id",
                        "collection",
                        "stage",
                        "minute",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("app_id", models.UUIDField()),
                ("collection", models.TextField()),
                ("stage", models.CharField(max_length=20)),
                ("minute", models.DateTimeField()),
                ("compared", models.BigIntegerField(default=0)),
                ("agreed", models.BigIntegerField(default=0)),
                ("noise", models.BigIntegerField(default=0)),
                ("errors", models.BigIntegerField(default=0)),
                ("seen", models.BigIntegerField(default=0)),
                ("amiss", models.BigIntegerField(default=0)),
                ("latency", models.JSONField(default=dict)),
            ],
            options={
                "indexes": [models.Index(fields=["minute"], name="comparison_minute_by_age")],
            },
        ),
        migrations.CreateModel(
            name="ComparisonSample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("app_id", models.UUIDField()),
                ("device_id", models.UUIDField()),
                ("collection", models.TextField(help_text="One with a stage of its own; empty: the rest.")),
                ("stage", models.CharField(help_text="The one that held for the device.", max_length=20)),
                ("compared", models.IntegerField()),
                ("agreed", models.IntegerField()),
                ("noise", models.IntegerField(help_text="Local compared with itself differed too.")),
                ("errors", models.IntegerField(help_text="Asked and not answered; not among those compared.")),
                (
                    "ms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(),
                        default=list,
                        help_text="How long some of the server's answers took, ms.",
                        size=None,
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="migration.owner"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="comparison_by_age")],
            },
        ),
        migrations.CreateModel(
            name="DeviceOutbox",
            fields=[
                ("device_id", models.UUIDField(primary_key=True, serialize=False)),
                ("app_id", models.UUIDField()),
                ("stage", models.CharField(help_text="The furthest that held for it.", max_length=20)),
                ("count", models.BigIntegerField()),
                ("bytes", models.BigIntegerField()),
                ("oldest_seconds", models.FloatField(help_text="Age of the oldest write that waits, s.")),
                ("errors", models.BigIntegerField(help_text="Attempts to send that failed since the last success.")),
                ("at", models.DateTimeField()),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="migration.owner"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["app_id", "at"], name="outbox_by_age")],
            },
        ),
        migrations.CreateModel(
            name="Mismatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("app_id", models.UUIDField()),
                ("device_id", models.UUIDField()),
                ("collection", models.TextField()),
                ("stage", models.CharField(max_length=20)),
                ("key", models.TextField()),
                ("key_hash", models.BinaryField(help_text="SHA-256 of the key as it came.", max_length=32)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("differs", "Differs"),
                            ("absent_local", "Absent Local"),
                            ("absent_server", "Absent Server"),
                            ("noise", "Noise"),
                        ],
                        max_length=20,
                    ),
                ),
                ("local", models.TextField(null=True)),
                ("server", models.TextField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="migration.owner"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "mismatches",
                "indexes": [models.Index(fields=["app_id", "collection", "-at"], name="mismatch_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "device_id", "collection", "key_hash"), name="mismatch_once"
                    )
                ],
            },
        ),
    ]
