"""Chunks remember how they were written; work on archives, of which collections it is and how far each piece is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0025_plans_of_cutovers"),
    ]

    operations = [
        migrations.AddField(
            model_name="chunk",
            name="batch_strategy",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="How that batch was written.", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="archivejob",
            name="collections",
            field=models.JSONField(help_text="Of which collections; null: all. Part of its identity.", null=True),
        ),
        migrations.AlterField(
            model_name="archivejob",
            name="checkpoint",
            field=models.JSONField(default=dict, help_text="How far each piece has come."),
        ),
    ]
