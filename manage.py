#!/usr/bin/env python
"""Runs Django's management commands with this project's settings."""

import os
import sys

ARCHIVING = {f"migration_{name}" for name in ("export", "import", "restore", "verify")}
"""Commands that go through millions of records, in a process as small as a worker's."""


def main() -> None:
    """Hand the command line to Django."""
    from syncserver import parent
    from syncserver.stack import PROJECT, running

    parent.die_with_parent()
    # By hand, a command means the stack that runs here.
    running.adopt(PROJECT / ".stack")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
    if ARCHIVING.intersection(sys.argv[1:2]):
        os.environ.setdefault("MIGRATION_PROCESS", "archive")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
