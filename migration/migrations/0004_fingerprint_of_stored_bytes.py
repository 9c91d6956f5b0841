"""The fingerprint of what is stored, computed from its bytes: the server's side of every comparison."""

from django.db import migrations

# STABLE and one expression long, so that the planner inlines it. to_json escapes as JSON.stringify does.
FINGERPRINT = """
CREATE FUNCTION migration_fingerprint(key_json text, form smallint, value json) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT sha256(convert_to(CASE
    WHEN value IS NULL THEN '[' || key_json || ']'
    WHEN form = 1 THEN '[' || key_json || ',' || to_json(value::text)::text || ']'
    ELSE '[' || key_json || ',' || value::text || ']' END, 'UTF8'))
$$
"""


class Migration(migrations.Migration):
    dependencies = [("migration", "0003_progress_kept_by_the_database")]
    operations = [
        migrations.RunSQL(FINGERPRINT, "DROP FUNCTION migration_fingerprint(text, smallint, json)"),
    ]
