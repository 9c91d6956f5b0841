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
_OF_RUNS = """
INSERT INTO migration_backup (id, run_id, owner_id, state, entries, bytes, created_at)
SELECT md5('backup' || n)::uuid, md5('run' || n)::uuid, md5('owner' || n)::uuid, 'sealed', 100, 40000,
       now() - n * interval '1 minute' FROM generate_series(1, %(owners)s) n;
INSERT INTO migration_rollbackpoint (id, owner_id, run_id, name, revision, created_at)
SELECT md5('point' || n)::uuid, md5('owner' || n)::uuid, md5('run' || n)::uuid, 'before', 0,
       now() - n * interval '1 minute' FROM generate_series(1, %(owners)s) n;
INSERT INTO migration_rollback (id, owner_id, scope, run_id, idempotency_key, to_revision, state, failure, attempts,
                                reverted, deleted, kept, journaled, actor, created_at)
SELECT md5('rollback' || n)::uuid, md5('owner' || n)::uuid, 'run', md5('run' || n)::uuid, md5('order' || n)::uuid, 0,
       'done', '', 1, 100, 100, 0, 0, 'admin:ada', now() - n * interval '1 minute'
FROM generate_series(1, %(owners)s) n;
INSERT INTO migration_auditline (app_id, owner_id, actor, action, target, data, at)
SELECT %(app)s, md5('owner' || n)::uuid, 'admin:ada', 'rolled_back', md5('run' || n), '{}',
       now() - n * interval '1 minute'
FROM generate_series(1, %(owners)s) n;
INSERT INTO migration_conflict (owner_id, namespace, key_hash, key_json, collection, run_id, policy, winner, reason,
                                record_revision, loser_seq, loser_form, loser_fingerprint, loser_value, state, choice,
                                decided_by, created_at)
SELECT md5('owner' || n)::uuid, 'default', sha256('"todo:0"'), '"todo:0"', 'todos', md5('run' || n)::uuid,
       'INTERACTIVE', 'server', '', 1, 1, 1, sha256(n::text::bytea), '{"done": false}', 'open', '', '',
       now() - n * interval '1 minute'
FROM generate_series(1, %(owners)s) n
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
    """Fill an app with 10,000 owners, each with a device, a run like `run_id` and one of all that goes with a run.

    The records are shared out among them.
    """
    told = {"app": app_id, "run": run_id, "owners": OWNERS, "records": records, "each": records // OWNERS}
    with connection.cursor() as cursor:
        for statement in (*_CROWD.split(";\n")[:2], _RUNS, *_OF_RUNS.split(";\n"), _RECORDS):
            cursor.execute(statement, told)
        cursor.execute("ANALYZE")
