"""Very many rows, made by Postgres itself: what an installation holds after a year."""

from django.db import connection

OWNERS = 10_000

_CROWD = """
INSERT INTO migration_owner (id, app_id, kind, subject, revision, epoch, created_at)
SELECT md5('owner' || n)::uuid, %(app)s, 'account', 'user-' || n, 100, 1, now() - n * interval '1 minute'
FROM generate_series(1, %(owners)s) n;
INSERT INTO migration_device (id, owner_id, key, fence, user_agent, created_at)
SELECT md5('device' || n)::uuid, md5('owner' || n)::uuid, md5('key' || n)::uuid, 1, 'Firefox',
       now() - n * interval '1 minute'
FROM generate_series(1, %(owners)s) n;
"""
_RUNS = """
INSERT INTO migration_migrationrun SELECT (jsonb_populate_record(r, jsonb_build_object(
    'id', md5('run' || n)::uuid, 'owner_id', md5('owner' || n)::uuid, 'device_id', md5('device' || n)::uuid,
    'state', (ARRAY['completed', 'completed', 'completed', 'failed', 'transferring', 'cancelled'])[n %% 6 + 1],
    'created_at', now() - n * interval '1 minute', 'updated_at', now() - n * interval '1 minute'))).*
FROM migration_migrationrun r, generate_series(1, %(owners)s) n WHERE r.id = %(run)s
"""
_RECORDS = """
INSERT INTO migration_record (owner_id, namespace, key_hash, revision, seq, device_id, cause, written_at, form,
                              queryable, fingerprint, collection, key_json, value)
SELECT md5('owner' || owner)::uuid, 'default', sha256(convert_to(key, 'UTF8')), place + 1, 1,
       md5('device' || owner)::uuid, 'run', now(), 1, true, sha256(convert_to(key || owner, 'UTF8')), 'todos', key,
       '{"done": true}'
FROM (SELECT n / %(each)s + 1 AS owner, n %% %(each)s AS place, '"todo:' || n %% %(each)s || '"' AS key
      FROM generate_series(0, %(records)s - 1) n) made
"""


def crowd(*, app_id: object, run_id: object, records: int) -> None:
    """Fill an app with 10,000 owners, each with a device, a run like `run_id`, and its share of the records."""
    told = {"app": app_id, "run": run_id, "owners": OWNERS, "records": records, "each": records // OWNERS}
    with connection.cursor() as cursor:
        for statement in (*_CROWD.split(";\n")[:2], _RUNS, _RECORDS):
            cursor.execute(statement, told)
        cursor.execute("ANALYZE migration_owner, migration_device, migration_migrationrun, migration_record")
