"""A line of a run's timeline names its owner, as everything that belongs to somebody does."""

from django.db import migrations, models

FILL = """
UPDATE migration_runevent e SET owner_id = r.owner_id FROM migration_migrationrun r
WHERE r.id = e.run_id AND e.owner_id IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("migration", "0005_names_people_read")]
    operations = [
        migrations.AddField("runevent", "owner_id", models.UUIDField(null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField("runevent", "owner_id", models.UUIDField()),
    ]
