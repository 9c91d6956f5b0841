"""Counters for quotas, and an app's own limits."""

from django.db import migrations, models

# Counts for an app as a whole. An owner's request is not shown other owners' rows, so this runs as the tables' owner.
# Whoever comes first sums up what the owners have sent until now; the lock keeps everybody else waiting meanwhile.
USE_OF_APP = """
CREATE FUNCTION migration_use_of_app(an_app uuid, a_day date, more_bytes bigint, more_entries bigint, more_runs bigint)
RETURNS TABLE (is_total boolean, all_bytes bigint, all_entries bigint, all_runs bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moment date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('migration_usage' || an_app, 0));
    FOREACH moment IN ARRAY ARRAY[a_day, NULL] LOOP
        UPDATE migration_usage u SET bytes = u.bytes + more_bytes, entries = u.entries + more_entries,
            runs = u.runs + more_runs
        WHERE u.app_id = an_app AND u.owner_id IS NULL AND u.day IS NOT DISTINCT FROM moment;
        IF NOT FOUND THEN
            INSERT INTO migration_usage (app_id, day, bytes, entries, runs)
            SELECT an_app, moment, coalesce(sum(u.bytes), 0), coalesce(sum(u.entries), 0), coalesce(sum(u.runs), 0)
            FROM migration_usage u WHERE u.app_id = an_app AND u.day IS NOT DISTINCT FROM moment;
        END IF;
    END LOOP;
    RETURN QUERY SELECT u.day IS NULL, u.bytes, u.entries, u.runs FROM migration_usage u
        WHERE u.app_id = an_app AND u.owner_id IS NULL AND (u.day = a_day OR u.day IS NULL);
END $$
"""

# Whoever deletes chunks gives their room back, whether or not it thinks of quotas.
GIVE_BACK = """
CREATE FUNCTION migration_give_room_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE migration_usage u SET bytes = greatest(0, u.bytes - g.bytes), entries = greatest(0, u.entries - g.entries)
    FROM (SELECT app_id, owner_id, sum(payload_bytes) AS bytes, sum(entries) AS entries FROM gone GROUP BY 1, 2) g
    WHERE u.app_id = g.app_id AND u.owner_id = g.owner_id AND u.day IS NULL;
    UPDATE migration_usage u SET bytes = greatest(0, u.bytes - g.bytes), entries = greatest(0, u.entries - g.entries)
    FROM (SELECT app_id, sum(payload_bytes) AS bytes, sum(entries) AS entries FROM gone GROUP BY 1) g
    WHERE u.app_id = g.app_id AND u.owner_id IS NULL AND u.day IS NULL;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER chunk_gives_room_back AFTER DELETE ON migration_chunk REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION migration_give_room_back()
"""
FILL = """
INSERT INTO migration_usage (app_id, owner_id, bytes, entries, runs)
SELECT app_id, owner_id, sum(payload_bytes), sum(entries), count(DISTINCT run_id) FROM migration_chunk GROUP BY 1, 2
"""


class Migration(migrations.Migration):
    dependencies = [("migration", "0007_staff_of_an_app")]
    operations = [
        migrations.AddField(
            "app",
            "limits",
            models.JSONField(
                blank=True,
                default=dict,
                help_text='Limits of its own, by name: {"guest_bytes_per_day": 1048576}; 0 is none at all.',
            ),
        ),
        migrations.CreateModel(
            "Usage",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("app_id", models.UUIDField()),
                ("owner_id", models.UUIDField(null=True)),
                ("day", models.DateField(null=True)),
                ("bytes", models.BigIntegerField(default=0, db_default=0, help_text="Payloads once inflated.")),
                ("entries", models.BigIntegerField(default=0, db_default=0)),
                ("runs", models.BigIntegerField(default=0, db_default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("app_id", "owner_id", "day"), name="usage_once", nulls_distinct=False
                    )
                ]
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(USE_OF_APP, "DROP FUNCTION migration_use_of_app(uuid, date, bigint, bigint, bigint)"),
        migrations.RunSQL(GIVE_BACK, "DROP FUNCTION migration_give_room_back()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER chunk_gives_room_back ON migration_chunk"),
    ]
