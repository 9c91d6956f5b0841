"""A batch of a replay that failed is tried again entry by entry."""

from django.db import migrations, models


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
    ]
