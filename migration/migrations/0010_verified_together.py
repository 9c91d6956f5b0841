"""What verifying many runs at once needs, and room in a run's page for the many updates of its life."""

from django.db import migrations, models

# STABLE and one expression long, so that the planner inlines both.
LINE = """
CREATE FUNCTION migration_line(key_json text, form smallint, value json) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT convert_to(CASE
    WHEN value IS NULL THEN '[' || key_json || ']'
    WHEN form = 1 THEN '[' || key_json || ',' || to_json(value::text)::text || ']'
    ELSE '[' || key_json || ',' || value::text || ']' END, 'UTF8')
$$
"""
# A run is updated a dozen times. With no index on what changes each time, and room in the page, these stay off all of
# its indexes.
ROOM = "ALTER TABLE migration_migrationrun SET (fillfactor = 50)"
STATES = models.Q(state__in=["planned", "transferring", "verifying", "rolling_back"])


class Migration(migrations.Migration):
    dependencies = [("migration", "0009_what_the_admin_needs")]
    operations = [
        migrations.RunSQL(LINE, "DROP FUNCTION migration_line(text, smallint, json)"),
        migrations.RunSQL(ROOM, "ALTER TABLE migration_migrationrun RESET (fillfactor)"),
        migrations.RemoveIndex("migrationrun", "run_at_work"),
        migrations.AddIndex("migrationrun", models.Index(fields=["state"], name="run_at_work", condition=STATES)),
        migrations.AddField(
            "migrationrun",
            "verify_attempts",
            models.PositiveSmallIntegerField(
                default=0, db_default=0, help_text="Verifications begun since the run last came to be verified."
            ),
        ),
    ]
