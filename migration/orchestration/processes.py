"""Commands of ours as processes of their own."""

import os
import subprocess
import sys
from typing import Any


def started(*words: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a management command in this process's environment, wherever this one was started from."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen([sys.executable, "-m", "django", *words], env=env, **options)  # noqa: S603
