"""What is kept of collections' schemas: samples, the schemas themselves, and notices of drift."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0012_replays"),
    ]

    operations = [
        migrations.CreateModel(
            name="CollectionSchema",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("collection", models.TextField()),
                (
                    "shape",
                    models.JSONField(
                        default=dict, help_text="Types and members with their counts; schemas are made of it."
                    ),
                ),
                ("sampled", models.BigIntegerField(default=0, help_text="Entries the shape was made of.")),
                (
                    "judged",
                    models.IntegerField(default=0, help_text="Entries looked at in the current window for misfits."),
                ),
                ("misfits", models.IntegerField(default=0, help_text="Those of them that did not fit.")),
                ("pinned", models.TextField(help_text="The JSON Schema entries are held to; NULL: none.", null=True)),
                ("version", models.IntegerField(default=0, help_text="Rises with every pin.")),
                ("pinned_at", models.DateTimeField(null=True)),
                ("pinned_by", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="schemas", to="migration.app"
                    ),
                ),
            ],
            options={
                "verbose_name": "collection schema",
            },
        ),
        migrations.CreateModel(
            name="DriftNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new_member", "New Member"),
                            ("changed_type", "Changed Type"),
                            ("missing_member", "Missing Member"),
                            ("misfits", "Misfits"),
                        ],
                        max_length=20,
                    ),
                ),
                ("path", models.TextField(help_text="JSON pointer; * stands for any item or member.")),
                ("detail", models.TextField()),
                (
                    "types",
                    models.JSONField(
                        default=list, help_text="Types that are new at the path; empty: whatever stands there."
                    ),
                ),
                ("count", models.BigIntegerField(help_text="How often it was seen in what was sampled.")),
                (
                    "looked_at",
                    models.BigIntegerField(
                        help_text="Entries sampled since the first one that showed it, itself included."
                    ),
                ),
                ("sampled_before", models.BigIntegerField(help_text="Entries sampled until then.")),
                ("first_seen", models.DateTimeField()),
                ("last_seen", models.DateTimeField()),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="migration.app"
                    ),
                ),
                (
                    "schema",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drift",
                        to="migration.collectionschema",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SchemaSample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("app_id", models.UUIDField()),
                ("owner_id", models.UUIDField(db_index=True)),
                ("run_id", models.UUIDField()),
                ("namespace", models.TextField()),
                ("collection", models.TextField()),
                ("entries", models.JSONField(help_text="[{key: hash in hex, shape, refused}]")),
                ("folded", models.BooleanField(default=False)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("folded", False)), fields=["id"], name="sample_to_fold"),
                    models.Index(fields=["app_id", "collection", "-id"], name="sample_newest"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="collectionschema",
            constraint=models.UniqueConstraint(fields=("app", "collection"), name="schema_once"),
        ),
        migrations.AddConstraint(
            model_name="driftnotice",
            constraint=models.UniqueConstraint(fields=("schema", "kind", "path"), name="notice_once"),
        ),
    ]
