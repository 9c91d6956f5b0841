"""`manage.py migration_export`: an app, some owners or some collections into an archive."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from migration.archives import Scope
from migration.management.archiving import View, actor, add_common_arguments, find_app, find_owner, told_errors
from migration.orchestration.archiving_export import export_app
from migration.orchestration.archiving_pieces import Standing
from migration.states import ArchiveJobState


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused, 2 wrong usage, 3 stopped."""

    requires_system_checks = ()  # they load every page; `migrate` makes them
    help = "Writes what an app holds to an archive: one moment's, while writes go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is exported, and where to."""
        add_common_arguments(parser)
        parser.add_argument("path", type=Path, help="the archive's folder, which must not exist")
        parser.add_argument("--owner", action="append", help="only this owner: id or account's subject; repeatable")
        parser.add_argument("--collection", action="append", help="only this collection; repeatable")
        parser.add_argument("--compression", choices=["gzip", "zstd", "none"], default="gzip")
        parser.add_argument("--encrypt", action="store_true", help="seal it under MIGRATION_ENCRYPTION_KEYS")

    def handle(self, *_args: Any, app: str, path: Path, **options: Any) -> None:
        """Export."""
        found = find_app(app)
        owners = [str(find_owner(found, one).id) for one in options["owner"] or ()]
        standing = Standing(total=0)
        with told_errors(), View(self.stdout, title=f"export of {app}", as_json=options["json"]) as view:

            def tell(counts: Counter[str]) -> None:
                standing.done = counts["records"]
                view.tell(standing)

            manifest = export_app(
                app_id=found.id,
                path=path,
                scope=Scope(owners=owners or None, collections=options["collection"]),
                compression=options["compression"],
                encrypt=options["encrypt"],
                actor=actor(),
                at=timezone.now(),
                tell=tell,
            )
        standing.state = ArchiveJobState.DONE
        standing.done = manifest.counts["records"]
        standing.counts = {
            name: {"records": one.records, "tombstones": one.tombstones, "history": one.history}
            for name, one in manifest.collections.items()
        }
        size = sum(part.size for part in manifest.parts)
        view.final(standing, extras={"archive": manifest.digest(), "owners": manifest.counts["owners"], "bytes": size})
