"""What a run says of itself is kept by the database, whoever writes the counters (DECISIONS.md).

`percentage` is a high-water mark of 40 % upload, 50 % load, 5 % being verified, the rest only with the receipt;
the pace is taken over the last five to ten seconds of work; `number` rises with every change a snapshot shows.
"""

from django.db import migrations, models

PROGRESS = """
CREATE FUNCTION migration_run_progress() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    arrived double precision := CASE WHEN NEW.upload_state = 'open' THEN 0 ELSE 1 END;
    loaded double precision := arrived;
BEGIN
    IF NEW.entries_total > 0 THEN
        arrived := least(1.0, NEW.entries_received::float8 / NEW.entries_total);
        loaded := least(1.0, NEW.entries_processed::float8 / NEW.entries_total);
    END IF;
    NEW.percentage := CASE WHEN NEW.receipt <> '' THEN 100
        ELSE floor(10 * (40 * arrived + 50 * loaded + CASE NEW.state WHEN 'verifying' THEN 5 ELSE 0 END)) / 10 END;
    IF TG_OP = 'INSERT' THEN
        RETURN NEW;
    END IF;
    NEW.percentage := greatest(OLD.percentage, NEW.percentage);
    IF NEW.pace_mark_at IS NULL THEN
        IF NEW.entries_received <> OLD.entries_received OR NEW.entries_processed <> OLD.entries_processed THEN
            NEW.pace_at := moment;
            NEW.pace_mark_at := moment;
            NEW.pace_entries := OLD.entries_processed;
            NEW.pace_mark_entries := OLD.entries_processed;
        END IF;
    ELSIF NEW.entries_processed > OLD.entries_processed AND moment - OLD.pace_mark_at >= interval '5 seconds' THEN
        -- After a pause the time nothing happened in does not count beyond two windows.
        NEW.pace_at := greatest(OLD.pace_mark_at, moment - interval '10 seconds');
        NEW.pace_entries := CASE WHEN NEW.pace_at = OLD.pace_mark_at
            THEN OLD.pace_mark_entries ELSE OLD.entries_processed END;
        NEW.pace_mark_at := moment;
        NEW.pace_mark_entries := NEW.entries_processed;
    END IF;
    IF NEW.number <= OLD.number THEN
        NEW.number := OLD.number + CASE WHEN
            (NEW.state, NEW.upload_state, NEW.pause_wished, NEW.cancel_wished, NEW.failure_code, NEW.manifest_version,
             NEW.mismatch, NEW.verify_rounds, NEW.receipt, NEW.entries_total, NEW.bytes_total, NEW.entries_received,
             NEW.bytes_received, NEW.chunks_received, NEW.chunks_loaded, NEW.entries_processed, NEW.bytes_processed,
             NEW.entries_stored, NEW.entries_unchanged, NEW.entries_superseded, NEW.entries_conflict,
             NEW.entries_quarantined, NEW.entries_deleted, NEW.errors)
            IS DISTINCT FROM
            (OLD.state, OLD.upload_state, OLD.pause_wished, OLD.cancel_wished, OLD.failure_code, OLD.manifest_version,
             OLD.mismatch, OLD.verify_rounds, OLD.receipt, OLD.entries_total, OLD.bytes_total, OLD.entries_received,
             OLD.bytes_received, OLD.chunks_received, OLD.chunks_loaded, OLD.entries_processed, OLD.bytes_processed,
             OLD.entries_stored, OLD.entries_unchanged, OLD.entries_superseded, OLD.entries_conflict,
             OLD.entries_quarantined, OLD.entries_deleted, OLD.errors)
            THEN 1 ELSE 0 END;
    END IF;
    RETURN NEW;
END $$
"""

TRIGGER = """
CREATE TRIGGER run_progress BEFORE INSERT OR UPDATE ON migration_migrationrun
FOR EACH ROW EXECUTE FUNCTION migration_run_progress()
"""


class Migration(migrations.Migration):
    dependencies = [
        ("migration", "0002_beyond_the_orm"),
    ]

    operations = [
        migrations.AddField(
            model_name="migrationrun",
            name="pace_at",
            field=models.DateTimeField(help_text="Start of the window entries per second are taken over.", null=True),
        ),
        migrations.AddField(
            model_name="migrationrun",
            name="pace_entries",
            field=models.BigIntegerField(db_default=0, default=0, help_text="Entries processed at `pace_at`."),
        ),
        migrations.AddField(
            model_name="migrationrun",
            name="pace_mark_at",
            field=models.DateTimeField(help_text="Start of the next window.", null=True),
        ),
        migrations.AddField(
            model_name="migrationrun",
            name="pace_mark_entries",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="migrationrun",
            name="percentage",
            field=models.FloatField(db_default=0, default=0, help_text="Kept by a trigger; never falls."),
        ),
        migrations.AddField(
            model_name="socketticket",
            name="staff",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="For the admin's own pages: the server's own origin instead of the app's.",
            ),
        ),
        migrations.AlterField(
            model_name="migrationrun",
            name="number",
            field=models.BigIntegerField(
                default=0, help_text="Number of the last event; a trigger raises it with every change a snapshot shows."
            ),
        ),
        migrations.AlterField(
            model_name="socketticket",
            name="run_id",
            field=models.UUIDField(help_text="Only this run; NULL: everything of the owner.", null=True),
        ),
        migrations.RunSQL(PROGRESS, "DROP FUNCTION migration_run_progress()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER run_progress ON migration_migrationrun"),
    ]
