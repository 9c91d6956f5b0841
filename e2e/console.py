"""Django at hand: one process that runs what specs want done behind the server's doors.

Starting one costs more than most of what is asked of it, so it stays until the stack goes.
"""

import json
import os
import subprocess
from typing import Any

from syncserver import parent
from syncserver.stack import Stack

_LOOP = """
import json, sys
for line in sys.stdin:
    known = {}
    exec(json.loads(line), known)
    print(json.dumps(known.get('told')), flush=True)
"""


class Console:
    """Runs programs, one after the other."""

    def __init__(self, stack: Stack) -> None:
        self._process = subprocess.Popen(
            [stack.project.python, "manage.py", "shell", "-v", "0", "-c", _LOOP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=stack.project.folder,
            env={**stack.project.env, parent.SUPERVISED_BY: str(os.getpid())},
        )

    def run(self, program: str, **given: object) -> Any:
        """Run a program to its end and return what it calls `told`; `given` are names it knows.

        Raises EOFError where the program failed; standard error says why.
        """
        known = "".join(f"{name} = {value!r}\n" for name, value in given.items())
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(known + program) + "\n")
        self._process.stdin.flush()
        if not (told := self._process.stdout.readline()):
            raise EOFError("the program failed")
        return json.loads(told)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
