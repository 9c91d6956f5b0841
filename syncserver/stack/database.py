"""Makes and drops databases, through the virtual environment's driver: the supervisor itself needs nothing."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from syncserver.stack.errors import StackError

SCRIPT = """
import os, sys, psycopg
from psycopg import sql
url, statement, name = os.environ["MAINTENANCE_URL"], sys.argv[1], sys.argv[2]
with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
    if statement == "create":
        found = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if not found:
            # template0: a template1 that somebody changed or has open is none of our business.
            connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    elif statement == "drop":
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
"""


class DatabaseRefused(StackError):
    """The Postgres server would not do what was asked of it."""


def create(url: str, name: str, *, python: Path | None = None) -> str:
    """Make database `name` beside the one at `url` unless it exists; return its address. Raises DatabaseRefused."""
    _run("create", url, name, python)
    return beside(url, name)


def drop(url: str, name: str, *, python: Path | None = None) -> None:
    """Drop database `name` of the server at `url`, ending its connections. Raises DatabaseRefused."""
    _run("drop", url, name, python)


def beside(url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _run(statement: str, url: str, name: str, python: Path | None) -> None:
    done = subprocess.run(
        [python or sys.executable, "-c", SCRIPT, statement, name],
        check=False,
        capture_output=True,
        text=True,
        # Not on the command line: everybody on the machine could read the password there.
        env={**os.environ, "MAINTENANCE_URL": url},
    )
    if done.returncode != 0:
        raise DatabaseRefused(f"could not {statement} database {name}: {done.stderr.strip().splitlines()[-1]}")
