"""`python3 -m syncserver.stack run|services|test|bench`: the commands behind the Makefile."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType

from syncserver.stack import PROJECT, Stack, StackError, accounts, checks, running
from syncserver.stack.environment import Environment
from syncserver.stack.tools import ToolMissing

LEFTOVERS = (
    ".venv",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "frontend_sdk/node_modules",
    "test-results",
)
STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """One of the signals that mean "take everything down" arrived."""


def main() -> int:
    """Run the command named on the command line; return the exit code."""
    ours, theirs = _split(sys.argv[1:])
    options = _options().parse_args(ours)
    options.extra = theirs
    # Installed explicitly: a shell starts background jobs with SIGINT ignored, and Python keeps it so.
    for number in STOPPED_BY:
        # nohup ignores SIGHUP on purpose.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        return int(options.command(options))
    except Stopped:
        return 0
    except ToolMissing as error:
        _say(str(error))
        return 2
    except StackError as error:
        _say(str(error))
        return 1


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Our own words, and those meant for the command we call: what follows `--`, or all that follows `bench`."""
    at = 1 if words[:1] == ["bench"] else len(words)
    at = words.index("--") if "--" in words else at
    return words[:at], [word for word in words[at:] if word != "--"]


def _run(options: argparse.Namespace) -> int:
    """Start everything, say where it is, and wait to be stopped."""
    root = options.root
    Environment(project=PROJECT).ensure("run", _say)
    with _stack(root, options) as stack:
        running.write(root, url=f"{stack.url}/", database_url=stack.database_url, redis_url=stack.redis_url)
        print(
            f"ready: demo {stack.url}/  admin {stack.url}/admin/ (admin / {stack.admin_password})",
            flush=True,
        )
        _wait()
    return 0


def _services(options: argparse.Namespace) -> int:
    """Start Postgres and Redis alone, for tests and tools that are run by hand."""
    root = options.root
    Environment(project=PROJECT).ensure("run", _say)
    with Stack(root=root, workers=0, web=None, sweeper=False, keep=True, say=_say) as stack:
        running.write(root, database_url=stack.database_url, redis_url=stack.redis_url)
        print(f"DATABASE_URL={stack.database_url} REDIS_URL={stack.redis_url}", flush=True)
        _wait()
    return 0


def _test(options: argparse.Namespace) -> int:
    """Run every check of the project."""
    return checks.run(checks.chosen(options.only), fail_fast=options.fail_fast, extra=options.extra, say=_say)


def _bench(options: argparse.Namespace) -> int:
    """Run the benchmarks on fresh servers."""
    step = checks.Step(name="bench", commands=(("python", "-m", "tests.benchmarks"),))
    return checks.run([step], fail_fast=True, extra=options.extra, say=_say)


def _clean(_: argparse.Namespace) -> int:
    """Remove the virtual environment, the local data and every cache."""
    root = PROJECT / ".stack"
    with running.alone(root):
        for folder in (*(PROJECT / name for name in LEFTOVERS), accounts.outside(root), root):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _stack(root: Path, options: argparse.Namespace) -> Stack:
    workers = os.environ.get("MIGRATION_WORKERS", "")
    return Stack(
        root=root,
        workers=int(workers) if workers.isdigit() else max(2, (os.cpu_count() or 2) // 2),
        database_url=os.environ.get("DATABASE_URL"),
        redis_url=os.environ.get("REDIS_URL"),
        shared=True,
        port=options.port,
        keep=True,
        say=_say,
    )


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m syncserver.stack", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help=_run.__doc__)
    run.add_argument("--port", type=int, default=None, help="the web server's port (8000, else any free one)")
    run.set_defaults(command=_run)
    services = commands.add_parser("services", help=_services.__doc__)
    services.set_defaults(command=_services)
    for command in (run, services):
        command.add_argument("--root", type=Path, default=PROJECT / ".stack", help="the folder for data and logs")
    test = commands.add_parser("test", help=_test.__doc__)
    names = [step.name for step in checks.STEPS]
    test.add_argument("--only", action="append", choices=names, default=[], help="run this step (repeatable)")
    test.add_argument("--fail-fast", action="store_true", help="stop after the first step that fails")
    test.set_defaults(command=_test)
    clean = commands.add_parser("clean", help=_clean.__doc__)
    clean.set_defaults(command=_clean)
    bench = commands.add_parser("bench", help=_bench.__doc__)
    bench.set_defaults(command=_bench)
    return parser


def _wait() -> None:
    """Sleep until a signal raises Stopped."""
    while True:
        signal.pause()


def _stop(_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not interrupt the clean-up the first one began.
    for number in STOPPED_BY:
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
