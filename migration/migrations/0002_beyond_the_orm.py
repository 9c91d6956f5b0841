"""What Django's models cannot say: storage, a worker sequence, an append-only guard, the queryable view."""

from django.db import migrations

STATEMENTS = [
    # Sealed bytes do not compress: keep Postgres from trying, and out of the row.
    (
        "ALTER TABLE migration_chunk ALTER COLUMN sealed_payload SET STORAGE EXTERNAL",
        "ALTER TABLE migration_chunk ALTER COLUMN sealed_payload SET STORAGE EXTENDED",
    ),
    ("CREATE SEQUENCE migration_worker_number AS integer CYCLE", "DROP SEQUENCE migration_worker_number"),
    (
        """
     CREATE FUNCTION migration_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION 'audit lines are append-only'; END $$
     """,
        "DROP FUNCTION migration_audit_is_append_only()",
    ),
    (
        """
     CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON migration_auditline
     FOR EACH ROW EXECUTE FUNCTION migration_audit_is_append_only()
     """,
        "DROP TRIGGER audit_is_append_only ON migration_auditline",
    ),
    # The documented way to query values: one value with a NUL or lone surrogate escape would make ->> fail for all.
    (
        """
     CREATE VIEW migration_queryable_record AS
     SELECT owner_id, namespace, collection, key_json::json #>> '{}' AS key, value, revision, written_at
     FROM migration_record WHERE queryable AND value IS NOT NULL AND key_json !~ '\\\\u(0000|[dD][89a-fA-F])'
     """,
        "DROP VIEW migration_queryable_record",
    ),
    # A chunk's row changes with every claim; room in the page keeps those updates off the indexes.
    ("ALTER TABLE migration_chunk SET (fillfactor = 70)", "ALTER TABLE migration_chunk RESET (fillfactor)"),
]


class Migration(migrations.Migration):
    dependencies = [("migration", "0001_initial")]
    operations = [migrations.RunSQL(forward, backward) for forward, backward in STATEMENTS]
