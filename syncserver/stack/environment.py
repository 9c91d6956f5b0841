"""The virtual environment: made once, brought up to date only when its lock file changed."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from syncserver.stack.errors import StackError

OLDEST_PYTHON = (3, 11)
# The development lock contains everything of the other (they are compiled together).
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
COVERED_BY = {"run": ("run", "dev"), "dev": ("dev",)}


class NoEnvironment(StackError):
    """The virtual environment could not be made."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment of the checkout at `project`."""

    project: Path

    @property
    def folder(self) -> Path:
        return self.project / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where the installed packages lie."""
        found = sorted((self.folder / "lib").glob("python3*/site-packages"))
        if not found:
            raise NoEnvironment(f"{self.folder} holds no packages; remove it and start again")
        return found[0]

    def ensure(self, kind: str, say: Callable[[str], None]) -> None:
        """Make it hold what the lock of `kind` ("run" or "dev") names; raises NoEnvironment."""
        if sys.version_info < OLDEST_PYTHON:
            raise NoEnvironment(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed")
        with _alone(self.project / ".stack" / "environment.lock"):
            if not self._holds(kind):
                say(f"installing what {LOCKS[kind]} names into .venv")
                self._install(kind)
                self._stamp(kind).write_text(self._expected(kind))

    def _holds(self, kind: str) -> bool:
        return any(
            self._stamp(held).exists() and self._stamp(held).read_text() == self._expected(held)
            for held in COVERED_BY[kind]
        )

    def _stamp(self, kind: str) -> Path:
        return self.folder / f"installed-{kind}"

    def _expected(self, kind: str) -> str:
        """What the stamp must say: the lock, the interpreter, and the place (scripts name it)."""
        lock = hashlib.sha256((self.project / LOCKS[kind]).read_bytes()).hexdigest()
        return f"{lock} {sys.version_info[0]}.{sys.version_info[1]} {self.folder}\n"

    def _install(self, kind: str) -> None:
        lock = str(self.project / LOCKS[kind])
        if not self._is_ours():
            shutil.rmtree(self.folder, ignore_errors=True)
        # uv does not read pip's configuration; where a package index is set there, only pip finds it.
        if uv := shutil.which("uv"):
            if self._with_uv(uv, lock):
                return
            shutil.rmtree(self.folder, ignore_errors=True)
        self._with_pip(lock)

    def _is_ours(self) -> bool:
        """Whether the folder holds a working environment of this interpreter's version, made at this place."""
        if not self.python.exists():
            return False
        question = "import sys; print(sys.prefix, *sys.version_info[:2])"
        answer = subprocess.run([self.python, "-c", question], check=False, capture_output=True, text=True)
        return answer.stdout.split() == [str(self.folder), *map(str, sys.version_info[:2])]

    def _with_uv(self, uv: str, lock: str) -> bool:
        if not self.python.exists() and not _worked([uv, "venv", "-q", "--python", sys.executable, self.folder]):
            return False
        return _worked([uv, "pip", "install", "-q", "--python", self.python, "--require-hashes", "-r", lock])

    def _with_pip(self, lock: str) -> None:
        if not self.python.exists():
            _run([sys.executable, "-m", "venv", self.folder])
        elif not (self.folder / "bin" / "pip").exists():
            # Made by uv, which needs no pip inside.
            _run([self.python, "-m", "ensurepip"])
        pip: list[str | Path] = [self.python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "install", "-q", "--require-hashes", "-r", lock])


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process at a time pass."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _worked(argv: list[str | Path]) -> bool:
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def _run(argv: list[str | Path]) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NoEnvironment(f"{NoEnvironment.__doc__} {' '.join(map(str, argv[:4]))}: {' '.join(said[-3:])}")
