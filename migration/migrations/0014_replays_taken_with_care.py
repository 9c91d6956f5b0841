"""A batch of a replay that failed is tried again entry by entry; entries alike are found by their path too."""

from django.db import migrations, models
from django.db.models.functions import Left


class Migration(migrations.Migration):
    dependencies = [("migration", "0013_schemas_of_collections")]
    operations = [
        migrations.AddField(
            "replay",
            "careful_to",
            models.BigIntegerField(
                db_default=0, default=0, help_text="A batch failed: up to here entries are taken one by one."
            ),
        ),
        migrations.RemoveIndex("quarantineentry", "quarantine_alike"),
        migrations.AddIndex(
            "quarantineentry",
            models.Index("app_id", "state", "code", "collection", Left("path", 200), "id", name="quarantine_alike"),
        ),
    ]
