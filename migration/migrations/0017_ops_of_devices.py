"""Ops of devices: what has changed since a revision, what a device repeated, and quotas of what is not kept twice."""

from django.db import migrations, models

# As the one with five arguments, which stays for processes not replaced yet; what is kept may be less than was sent.
USE_OF_APP = """
CREATE FUNCTION migration_use_of_app(an_app uuid, a_day date, more_bytes bigint, more_entries bigint, more_runs bigint,
                                     more_stored bigint)
RETURNS TABLE (is_total boolean, all_bytes bigint, all_entries bigint, all_runs bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moment date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('migration_usage' || an_app, 0));
    FOREACH moment IN ARRAY ARRAY[a_day, NULL] LOOP
        UPDATE migration_usage u SET
            bytes = u.bytes + CASE WHEN moment IS NULL THEN more_stored ELSE more_bytes END,
            entries = u.entries + more_entries, runs = u.runs + more_runs
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


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0016_what_a_restoration_counts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Repetition",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner_id",
                        "namespace",
                        "key_hash",
                        "device_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("owner_id", models.UUIDField()),
                (
                    "namespace",
                    models.TextField(db_collation="C", help_text="Compared as bytes: it stands in every key."),
                ),
                ("key_hash", models.BinaryField(max_length=32)),
                ("device_id", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("revision", models.BigIntegerField(help_text="What the record stood at.")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="conflict",
            name="conflict_once",
        ),
        migrations.AddIndex(
            model_name="record",
            index=models.Index(fields=["owner_id", "revision"], name="record_by_revision"),
        ),
        migrations.AddConstraint(
            model_name="conflict",
            constraint=models.UniqueConstraint(
                fields=("owner_id", "namespace", "key_hash", "record_revision", "loser_device_id", "loser_fingerprint"),
                name="conflict_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddField(
            "owner",
            "horizon",
            models.BigIntegerField(
                default=0,
                db_default=0,
                help_text="Up to this revision history and tombstones may be pruned; cursors and bases below are void.",
            ),
        ),
        migrations.RunSQL(USE_OF_APP, "DROP FUNCTION migration_use_of_app(uuid, date, bigint, bigint, bigint, bigint)"),
    ]
