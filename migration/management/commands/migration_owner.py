"""`manage.py migration_owner erase OWNER`: everything of one owner, gone for good."""

import getpass
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.errors import NotFound
from migration.orchestration import erasing


class Command(BaseCommand):
    """Asks for the erasure and deletes until nothing is left. Stopped, it or a worker goes on where it was.

    Exit codes: 0 the owner is erased; 1 there is no such owner, or it was not confirmed.
    """

    help = "Erase everything of an owner."

    def add_arguments(self, parser: Any) -> None:
        """Declare the owner and the confirmation."""
        parser.add_argument("do", choices=["erase"])
        parser.add_argument("owner", type=UUID, help="the owner's id, as the admin shows it")
        parser.add_argument("--yes", action="store_true", help="do not ask for the word")

    def handle(self, *_args: Any, owner: UUID, yes: bool, **_options: Any) -> None:
        """Erase, and say how much that was."""
        if not yes and input(f"Type erase to erase everything of {owner}: ") != "erase":
            raise CommandError("Nothing was erased.")
        try:
            asked = erasing.request_erasure(owner_id=owner, actor=f"command:{getpass.getuser()}", at=timezone.now())
        except NotFound as error:
            raise CommandError(error.detail) from error
        done = erasing.erase(asked.id, clock=timezone.now)
        for table, rows in sorted(done.deleted.items()):
            self.stdout.write(f"{rows:>10} {table}")
