"""The timeline id: tells one history of the database from another."""

import hashlib

from django.db import connection


def timeline() -> str:
    """Return a short id that changes when the database is restored from a dump or a standby took over.

    A restored table has a new oid, a new cluster a new system identifier, a promoted standby (which may lack the
    last commits) a new WAL timeline. Clients that see it change verify again by digest.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT system_identifier FROM pg_control_system()),
                      (SELECT timeline_id FROM pg_control_checkpoint()),
                      'migration_migrationrun'::regclass::oid"""
        )
        parts = cursor.fetchone() or ()
    return hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()[:16]
