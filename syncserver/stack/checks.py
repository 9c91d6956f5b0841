"""`make test`: every check of the project, one after the other, on real servers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncserver import parent
from syncserver.stack import processes, tools
from syncserver.stack.environment import Environment
from syncserver.stack.stack import PROJECT, Stack

# The databases of a test run need not outlive a power cut; emptying tables after each test is a third as slow so.
# (A server that is killed loses nothing by it: what is committed was handed to the kernel. With synchronous_commit
# off it would not have been. The fault tests start servers of their own without any of this.)
HASTY = {"fsync": "off", "full_page_writes": "off"}
# Seconds a step gets to clean up after itself when it is interrupted.
PATIENCE = 20.0
# Two processes side by side, each with a database, a Redis and a stack of its own: where one waits the other works.
TWO = ("-n", "2", "--dist", "worksteal")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One check: its name, its commands (all must succeed), where they run, and what must be there first."""

    name: str
    commands: Sequence[Sequence[str]]
    folder: str = "."
    # Runs only when asked for by name.
    on_request: bool = False
    needs_node: bool = False
    needs_browsers: bool = False


def _python(*words: str) -> tuple[str, ...]:
    return ("python", "-m", *words)


STEPS = (
    Step(
        name="ruff",
        commands=(_python("ruff", "check", "--output-format=concise", "."), _python("ruff", "format", "--check", ".")),
    ),
    Step(name="mypy", commands=(_python("mypy"),)),
    Step(name="imports", commands=(("lint-imports",),)),
    Step(
        name="tests",
        commands=(
            _python("pytest", "tests", "--ignore=tests/faults", "--ignore=tests/benchmarks", "-m", "not soak", *TWO),
        ),
        needs_node=True,
    ),
    Step(name="sdk", commands=(("npm", "run", "check"),), folder="frontend_sdk", needs_node=True),
    Step(name="faults", commands=(_python("pytest", "tests/faults", "-m", "not soak", *TWO),)),
    Step(
        name="e2e",
        commands=(_python("pytest", "e2e", "-m", "not soak", *TWO),),
        needs_node=True,
        needs_browsers=True,
    ),
    Step(
        name="soak",
        commands=(
            ("npm", "--prefix", "frontend_sdk", "run", "--silent", "soak"),
            _python("pytest", "tests", "e2e", "-m", "soak"),
        ),
        on_request=True,
        needs_node=True,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a step ended."""

    name: str
    passed: bool
    seconds: float


def chosen(only: Sequence[str]) -> list[Step]:
    """The steps to run: those named, else all that need no asking."""
    if only:
        return [step for step in STEPS if step.name in only]
    return [step for step in STEPS if not step.on_request]


def run(steps: Sequence[Step], *, fail_fast: bool, extra: Sequence[str], say: Callable[[str], None]) -> int:
    """Run the steps and say how each ended; return the exit code (1 when one failed).

    `extra` words go to the last command of every step. Raises ToolMissing before the first step runs.
    """
    environment = Environment(project=PROJECT)
    environment.ensure("dev", say)
    path = f"{environment.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    path = prepared(steps, environment=environment, path=path, say=say)
    with Stack(
        workers=0,
        web=None,
        sweeper=False,
        database_url=os.environ.get("DATABASE_URL"),
        redis_url=os.environ.get("REDIS_URL"),
        postgres=HASTY,
        shared=True,
        say=say,
    ) as stack:
        env = {
            **os.environ,
            "PATH": path,
            "VIRTUAL_ENV": str(environment.folder),
            "DATABASE_URL": stack.database_url,
            "REDIS_URL": stack.redis_url,
        }
        return verdict(_in_order(steps, env=env, fail_fast=fail_fast, extra=extra))


def prepared(steps: Sequence[Step], *, environment: Environment, path: str, say: Callable[[str], None]) -> str:
    """Have the tools the steps need; return the search path that finds them. Raises ToolMissing."""
    if any(step.needs_browsers for step in steps):
        tools.ensure_browsers(say)
    if any(step.needs_node for step in steps):
        path = tools.with_node(path, environment=environment, folder=PROJECT / ".stack")
        tools.install_packages(PROJECT / "frontend_sdk", path=path, say=say)
    return path


def verdict(outcomes: Sequence[Outcome]) -> int:
    """Say how all steps ended, the failed ones by name; return the exit code."""
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    _title(" ".join(f"{outcome.name} {outcome.seconds:.0f} s;" for outcome in outcomes).rstrip(";"))
    print(f"failed: {', '.join(failed)}" if failed else "all steps passed", flush=True)
    return 1 if failed else 0


def _in_order(steps: Sequence[Step], *, env: Mapping[str, str], fail_fast: bool, extra: Sequence[str]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for step in steps:
        outcomes.append(_outcome(step, env=env, extra=extra))
        if fail_fast and not outcomes[-1].passed:
            break
    return outcomes


def _outcome(step: Step, *, env: Mapping[str, str], extra: Sequence[str]) -> Outcome:
    _title(step.name)
    began = time.monotonic()
    *first, last = step.commands
    # All of them, even after one failed: their findings are independent of each other.
    codes = [_call(words, PROJECT / step.folder, env) for words in (*first, (*last, *extra))]
    outcome = Outcome(name=step.name, passed=not any(codes), seconds=time.monotonic() - began)
    print(f"{step.name}: {'passed' if outcome.passed else 'FAILED'} in {outcome.seconds:.1f} s", flush=True)
    return outcome


def _call(words: Sequence[str], folder: Path, env: Mapping[str, str]) -> int:
    """Run one command in a session of its own, so that all of it ends when we do."""
    ours = os.getpid()
    step = subprocess.Popen(
        words,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: parent.tie(ours, by=signal.SIGTERM),  # noqa: PLW1509 - loads nothing after the fork
    )
    try:
        return step.wait()
    finally:
        if step.poll() is None:
            processes.ask_to_end(step, by=signal.SIGINT)
            processes.see_end(step, patience=PATIENCE)
        processes.sweep(step)


def _title(words: str) -> None:
    print(f"\n==== {words}", flush=True)
    sys.stdout.flush()
