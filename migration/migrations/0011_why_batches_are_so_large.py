"""Chunks remember why they were cut, and why their batches were, to the sizes they have. For reports."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0010_verified_together"),
    ]

    operations = [
        migrations.AddField(
            model_name="chunk",
            name="batch_entries",
            field=models.IntegerField(help_text="Entries of the batch that loaded it.", null=True),
        ),
        migrations.AddField(
            model_name="chunk",
            name="batch_ms",
            field=models.IntegerField(
                help_text="How long that batch took, to the chunk's being checked off.", null=True
            ),
        ),
        migrations.AddField(
            model_name="chunk",
            name="batch_reason",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="Why that batch was as large as it was.", max_length=40
            ),
        ),
        migrations.AddField(
            model_name="chunk",
            name="size_reason",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why the device cut it to this size, as a code.",
                max_length=40,
            ),
        ),
    ]
