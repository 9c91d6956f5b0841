"""A pooled connection is looked at before it is used, not asked.

Django has the pool send an empty statement before each request: a round trip of its own, as dear as the questions a
request really has. A server that ended a connection has said so on its socket, so it is enough to see whether there is
anything to read; only then is the connection asked.
"""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's; `CONN_HEALTH_CHECKS` should be off, or the pool asks all the same."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection out of the pool that the server has not ended.

        Raises OperationalError when the pool has none in time.
        """
        connection = super().get_new_connection(conn_params)
        while self.pool and not _is_alive(connection):
            connection.close()
            self.pool.putconn(connection)  # which makes another one in its place
            connection = super().get_new_connection(conn_params)
        return connection


def _is_alive(connection: Connection[Any]) -> bool:
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if not waiting.poll(0):
        return True
    try:  # a word between two requests need not be the last one
        ConnectionPool.check_connection(connection)
    except Error:
        return False
    return True
