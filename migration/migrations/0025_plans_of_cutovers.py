"""Plans of cutovers, looks at their gates and what those said, and proofs that rollback works."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0024_stages_of_collections"),
    ]

    operations = [
        migrations.CreateModel(
            name="CutoverLook",
            fields=[
                (
                    "app",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="migration.app",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="look_oldest")],
            },
        ),
        migrations.CreateModel(
            name="GateReading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("app_id", models.UUIDField()),
                ("collection", models.TextField()),
                ("name", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("stage", models.CharField(max_length=20)),
                ("figure", models.FloatField(null=True)),
                ("limit", models.FloatField()),
                ("passed", models.BooleanField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["app_id", "collection", "name", "-at"], name="reading_newest"),
                    models.Index(fields=["at"], name="reading_by_age"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CutoverPlan",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("collection", models.TextField(blank=True, default="")),
                ("terms", models.JSONField(help_text="{steps: [{percentage: basis points, seconds}], hold_seconds}")),
                ("paused", models.BooleanField(default=False)),
                (
                    "released",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("off", "Off"),
                            ("dual_write", "Dual Write"),
                            ("shadow", "Shadow"),
                            ("ramp", "Ramp"),
                            ("server_primary", "Server Primary"),
                            ("complete", "Complete"),
                        ],
                        help_text="As far as it may go.",
                        max_length=20,
                    ),
                ),
                (
                    "attended_at",
                    models.DateTimeField(
                        help_text="When a person last made or resumed it; steps back since are counted."
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "None"),
                            ("advance", "Advance"),
                            ("step_back", "Step Back"),
                            ("await_release", "Await Release"),
                            ("wait", "Wait"),
                        ],
                        default="",
                        max_length=20,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("until", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="plans", to="migration.app"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("app", "collection"), name="plan_once_per_collection")],
            },
        ),
        migrations.CreateModel(
            name="RollbackProof",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("passed", models.BooleanField()),
                ("detail", models.TextField()),
                ("milliseconds", models.FloatField()),
                ("at", models.DateTimeField()),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="migration.app"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["app", "-at"], name="proof_newest")],
            },
        ),
    ]
