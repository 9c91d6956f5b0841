"""Which user a server runs as, and where that user can reach its files.

Postgres refuses to run as root. Then it runs as an unprivileged account, which often cannot even enter the
checkout (a home folder of mode 700): its data and, if need be, its binaries live in a place it can reach.
"""

import hashlib
import os
import pwd
import stat
import tempfile
from pathlib import Path

from syncserver.stack import running
from syncserver.stack.processes import Account

# In order of preference; "nobody" exists everywhere.
UNPRIVILEGED = ("postgres", "nobody")
TEMPORARY = "syncserver-"
OUTSIDE = Path("/var/tmp")  # noqa: S108 - survives a reboot; made safe by checking who owns the folder below


def for_postgres() -> Account | None:
    """The account Postgres must run as, or None when ours will do."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    return Account(uid=65534, gid=65534)


def reachable(path: Path, account: Account | None) -> bool:
    """Whether `account` may enter every folder above `path`; `path` itself need not exist."""
    return account is None or all(_may_enter(folder, account) for folder in path.resolve().parents)


def home_for(name: str, *, root: Path, account: Account | None) -> Path:
    """Make and return a folder called `name` owned by `account`: inside `root` if it can be reached there.

    Otherwise it lies in a system folder under a name derived from `root`, so that the same root finds the same
    data again. Raises PermissionError when somebody else made that folder before us.
    """
    home = root / name
    if not reachable(home, account):
        home = outside(root) / name
        _make_ours(home.parent, mode=0o711)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    if account is not None:
        os.chown(home, account.uid, account.gid)
    return home


def outside(root: Path) -> Path:
    """Where the files of `root` lie that an unprivileged account could not reach inside it."""
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return OUTSIDE / f"syncserver-{digest}"


def temporary_root() -> Path:
    """Make a fresh folder that other accounts may pass through but not list; clear away what killed stacks left."""
    running.remove_abandoned(Path(tempfile.gettempdir()), f"{TEMPORARY}*")
    root = Path(tempfile.mkdtemp(prefix=TEMPORARY))
    root.chmod(0o711)
    return root


def _make_ours(folder: Path, *, mode: int) -> None:
    try:
        folder.mkdir(mode=mode)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to somebody else") from None
    folder.chmod(mode)


def _may_enter(folder: Path, account: Account) -> bool:
    if not folder.exists():
        # We make it ourselves, passable.
        return True
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
