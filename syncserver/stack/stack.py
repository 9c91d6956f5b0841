"""The whole thing as one object: servers, database, web, workers, sweeper."""

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Self

from syncserver.stack import accounts, database, ports, redis, running, secrets_file
from syncserver.stack.environment import Environment
from syncserver.stack.ports import Listener
from syncserver.stack.postgres import DATABASE, Postgres
from syncserver.stack.processes import Program
from syncserver.stack.supervisor import Child, DidNotStart, Nursery
from syncserver.stack.web import Project

SERVERS = ("postgres", "redis")
PROJECT = Path(__file__).resolve().parent.parent.parent
# A free port may be taken before the server binds it.
PORT_ATTEMPTS = 5
# Seconds a program has until it answers; a first start may find a cold disk.
READY_WITHIN = 120.0
USUAL_PORT = 8000


class Stack:
    """Starts everything on entering, stops and removes it on leaving.

    `root` is the data folder (a fresh temporary one by default); `keep` leaves it there. With `database_url` or
    `redis_url` those servers are used instead of own ones, under a database of their own that is dropped in the
    end. With `shared` they are used as they are. `postgres` are settings for an own server. `web` is "daphne",
    "gunicorn" or None.
    """

    def __init__(
        self,
        *,
        root: Path | str | None = None,
        workers: int = 2,
        web: Literal["daphne", "gunicorn"] | None = "daphne",
        web_processes: int = 1,
        sweeper: bool = True,
        env: Mapping[str, str] | None = None,
        database_url: str | None = None,
        redis_url: str | None = None,
        postgres: Mapping[str, str] | None = None,
        shared: bool = False,
        port: int | None = None,
        keep: bool = False,
        project: Path = PROJECT,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self.root = Path(root).resolve() if root else accounts.temporary_root()
        self.logs = self.root / "logs"
        self._workers, self._web, self._web_processes, self._sweeper = workers, web, web_processes, sweeper
        self._env, self._postgres_settings = dict(env or {}), dict(postgres or {})
        self._given_database, self._given_redis, self._shared = database_url, redis_url, shared
        self._port, self._keep, self._folder = port, keep, project
        self._environment = Environment(project=project)
        self._nursery = Nursery(say)
        # What to do in the end, in reverse order.
        self._undo = ExitStack()
        self.database_url = self.redis_url = self.admin_password = ""
        self.port = 0
        self._close_listener: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """Where the web server answers, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def processes(self) -> dict[str, Child]:
        """Every process by name: postgres, redis, web (or web-0, …), worker-0, …, sweeper."""
        return self._nursery.children

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Start everything and return once it answers; raises what kept it from starting."""
        self._undo.enter_context(running.alone(self.root))
        if not self._keep:
            self._undo.callback(shutil.rmtree, self.root, ignore_errors=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        self._nursery.open()
        self._secrets = secrets_file.load(self.root)
        self._open_postgres()
        self._open_redis()
        self.project = Project(folder=self._folder, python=self._python, env=self._variables(), logs=self.logs)
        if self._web or self._workers or self._sweeper:
            self._open_project()

    def start(self, name: str) -> None:
        """Start a stopped process and wait until it is ready; raises DidNotStart."""
        self._nursery.start(name, ready_within=READY_WITHIN)

    def stop(self, name: str) -> None:
        """Stop a process gracefully; it stays down until started."""
        self._nursery.stop(name)
        if not any(child.wanted for other, child in self.processes.items() if other.startswith("web")):
            self._close_listener()

    def restart(self, name: str) -> None:
        """Stop a process gracefully and start it again."""
        self.stop(name)
        self.start(name)

    def kill(self, name: str, number: int = 9) -> None:
        """Send a signal (SIGKILL unless told) to a process; it comes back unless its `auto_restart` is off."""
        self._nursery.kill(name, number)

    def wait_ready(self, name: str, *, seconds: float = READY_WITHIN) -> None:
        """Wait until a process answers (again); raises DidNotStart."""
        self._nursery.wait_ready(name, seconds=seconds)

    def manage(self, *words: str, **extra: str) -> str:
        """Run a management command against this stack and return its output; raises CommandFailed."""
        return self.project.manage(*words, **extra)

    def close(self) -> None:
        """Stop everything in reverse order and remove what is not to be kept. May be called twice."""
        names = list(self.processes)
        self._nursery.stop_all([name for name in names if name not in SERVERS])
        self._nursery.stop_all([name for name in names if name in SERVERS])
        self._nursery.close()
        self._undo.close()

    def _open_postgres(self) -> None:
        if self._given_database:
            self.database_url = self._given_database if self._shared else self._own_database(self._given_database)
            return
        server = Postgres(
            root=self.root,
            packages=self._environment.packages,
            password=self._secrets["POSTGRES_PASSWORD"],
            log=self.logs / "postgres.log",
            settings=self._postgres_settings,
        )
        if not self._keep:
            self._undo.callback(server.remove)
        self._care_for(server)
        self.database_url = database.create(server.url("postgres"), DATABASE, python=self._python)

    def _own_database(self, url: str) -> str:
        name = f"syncserver_{secrets.token_hex(6)}"
        self._undo.callback(database.drop, url, name, python=self._python)
        return database.create(url, name, python=self._python)

    def _open_redis(self) -> None:
        if self._given_redis:
            self.redis_url = self._given_redis if self._shared else self._own_redis_database(self._given_redis)
            return
        server = redis.Redis(root=self.root, packages=self._environment.packages, log=self.logs / "redis.log")
        self._care_for(server)
        self.redis_url = server.url

    def _own_redis_database(self, url: str) -> str:
        claimed = redis.claim_database(url)
        self._undo.callback(redis.release_database, claimed)
        return claimed

    def _open_project(self) -> None:
        project = self.project
        programs = self._web_programs()
        project.manage("migrate", "--no-input")
        programs += [project.worker(f"worker-{number}") for number in range(self._workers)]
        programs += [project.sweeper()] if self._sweeper else []
        # What does not even start once is said at once; what started once is kept alive.
        children = [self._nursery.add(program, auto_restart=False) for program in programs]
        names = [child.name for child in children]
        self._nursery.launch(names)
        # Needs the tables only, so it runs while the others load.
        self._seed()
        for name in names:
            self._nursery.wait_ready(name, seconds=READY_WITHIN)
        for child in children:
            child.auto_restart = True

    def _seed(self) -> None:
        self.admin_password = self._secrets["ADMIN_PASSWORD"]
        # The origins the demo page may come from.
        origins = ",".join(f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost"))
        self.project.manage("seed_demo", DEMO_ADMIN_PASSWORD=self.admin_password, DEMO_ORIGIN=origins)

    def _web_programs(self) -> list[Program]:
        if self._web is None:
            return []
        count = self._web_processes
        # Several daphnes share one socket; gunicorn shares it among its own children.
        shared = self._web == "daphne" and count > 1
        listener = self._listen(shared=shared)
        self._close_listener = listener.close
        self._undo.callback(self._close_listener)
        self.port = listener.port
        if self._web == "gunicorn":
            return [self.project.gunicorn("web", listener, processes=count)]
        names = [f"web-{number}" for number in range(count)] if shared else ["web"]
        return [self.project.daphne(name, listener) for name in names]

    def _listen(self, *, shared: bool) -> Listener:
        if self._port:
            return Listener((self._port,), exact=True, shared=shared)
        if self._keep:
            return ports.remembered(self.root / "port", usual=USUAL_PORT, shared=shared)
        return Listener((), shared=shared)

    def _care_for(self, server: Postgres | redis.Redis) -> None:
        """Start a server on a free port, on another one when somebody was faster; raises DidNotStart."""
        child = self._nursery.add(server.program(), auto_restart=False)
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            server.prepare()
            try:
                self._nursery.start(child.name, ready_within=READY_WITHIN)
                break
            except DidNotStart:
                if not attempts_left:
                    raise
                server.port = 0
        child.auto_restart = True

    def _variables(self) -> dict[str, str]:
        """The environment of every process of the project."""
        ours = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": self._secrets["SECRET_KEY"],
            "DJANGO_SETTINGS_MODULE": "syncserver.settings",
        }
        if not self._shared:
            # Publish/subscribe ignores database numbers; stacks on one Redis must not hear each other.
            ours["MIGRATION_CHANNEL_PREFIX"] = f"syncserver-{secrets.token_hex(4)}"
        return {**os.environ, **ours, **self._env}

    @property
    def _python(self) -> Path:
        return self._environment.python
