"""Postgres and Redis of our own: they answer, come back, keep what they hold and give way to nobody."""

import contextlib
import fcntl
import os
import signal
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from syncserver.stack import DidNotStart, Stack, accounts, ports, postgres, processes, running
from syncserver.stack.redis import Conversation
from tests.stack.supervised import left


def answer(stack: Stack, statement: str) -> object:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    return row and row[0]


class TestPostgres:
    def test_orders_text_alike_on_every_machine(self, servers: Stack) -> None:
        provider = (
            "select format('%s %s', datlocprovider, datlocale) from pg_database where datname = current_database()"
        )
        assert answer(servers, provider) == "b C.UTF-8"

    def test_asks_for_a_password(self, servers: Stack) -> None:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(servers.database_url, password="wrong")

    def test_listens_on_the_loopback_only(self, servers: Stack) -> None:
        listening = psutil.Process(servers.processes["postgres"].pid).net_connections(kind="inet")
        assert {connection.laddr.ip for connection in listening} == {ports.LOOPBACK}

    def test_never_runs_as_root(self, servers: Stack) -> None:
        assert psutil.Process(servers.processes["postgres"].pid).uids().real != 0

    def test_comes_back_by_itself_after_a_kill(self, servers: Stack) -> None:
        victim = servers.processes["postgres"].pid
        servers.kill("postgres")
        servers.wait_ready("postgres")
        assert servers.processes["postgres"].pid != victim
        assert answer(servers, "select 1") == 1

    def test_stays_down_when_told_not_to_come_back(self, servers: Stack) -> None:
        servers.processes["postgres"].auto_restart = False
        servers.kill("postgres")
        assert not processes.wait_until(lambda: servers.processes["postgres"].running, seconds=1)
        servers.start("postgres")
        assert answer(servers, "select 1") == 1

    def test_starts_although_a_stranger_has_the_pid_of_its_killed_predecessor(self, servers: Stack) -> None:
        servers.processes["postgres"].auto_restart = False
        # Postgres works in its data folder.
        note = Path(psutil.Process(servers.processes["postgres"].pid).cwd()) / "postmaster.pid"
        servers.kill("postgres")
        lines = note.read_text().splitlines()
        note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        servers.start("postgres")
        assert answer(servers, "select 1") == 1

    def test_starts_although_a_process_of_its_killed_predecessor_hangs(
        self, servers: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Such a one holds the shared memory, which a new server refuses to share."""
        monkeypatch.setattr(postgres, "LEFTOVERS_END_WITHIN", 0.5)
        servers.processes["postgres"].auto_restart = False
        with contextlib.closing(psycopg.connect(servers.database_url)) as connection:
            hanging = psutil.Process(connection.info.backend_pid)
            hanging.suspend()
            try:
                servers.kill("postgres")
                servers.start("postgres")
                assert left([hanging], seconds=0) == []
            finally:
                with contextlib.suppress(psutil.NoSuchProcess):
                    hanging.kill()
        assert answer(servers, "select 1") == 1

    def test_does_not_take_a_stranger_on_its_port_for_itself(self, servers: Stack) -> None:
        servers.stop("postgres")
        port = int(servers.database_url.rsplit(":", 1)[1].split("/")[0])
        servers.processes["postgres"].auto_restart = False
        with ports.listen(port), pytest.raises(DidNotStart, match="could not bind"):
            servers.start("postgres")
        servers.start("postgres")
        assert answer(servers, "select 1") == 1


class TestRedis:
    def test_keeps_what_it_holds_over_a_kill(self, servers: Stack) -> None:
        with redis.Redis.from_url(servers.redis_url) as client:
            client.set("bell", "rung")
        servers.kill("redis")
        servers.wait_ready("redis")
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.get("bell") == b"rung"

    def test_refuses_instead_of_forgetting_when_it_is_full(self, servers: Stack) -> None:
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}

    def test_asks_for_a_password(self, servers: Stack) -> None:
        with redis.Redis.from_url(servers.redis_url, password=None) as client:
            client.connection_pool.connection_kwargs["password"] = None
            with pytest.raises(redis.AuthenticationError):
                client.ping()

    def test_goes_on_after_it_was_frozen(self, servers: Stack) -> None:
        servers.kill("redis", signal.SIGSTOP)
        with redis.Redis.from_url(servers.redis_url, socket_timeout=0.2, retry=None) as client:
            with pytest.raises(redis.TimeoutError):
                client.ping()
            servers.kill("redis", signal.SIGCONT)
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()


class TestAConversation:
    def test_that_does_not_come_about_is_closed(self) -> None:
        with ports.listen(0) as silent:
            silent.settimeout(20)
            port = silent.getsockname()[1]
            # Held until the end, and with it its frames: only a close closes the line, no collector of garbage.
            with pytest.raises(TimeoutError) as held:
                Conversation(f"redis://:secret@{ports.LOOPBACK}:{port}/0", seconds=0.1)
            peer, _ = silent.accept()
            with peer, peer.makefile("rb") as heard:
                peer.settimeout(5)
                # To the end: nothing comes after the question, because the line is closed.
                assert heard.read().startswith(b"*2\r\n$4\r\nAUTH")
            assert held.tb is not None


class TestStack:
    def test_leaves_no_file_and_no_process(self, root: Path) -> None:
        with Stack(root=root, workers=0, web=None, sweeper=False) as stack:
            family = psutil.Process(stack.processes["postgres"].pid).children(recursive=True)
            family += [psutil.Process(child.pid) for child in stack.processes.values()]
        assert not any(process.is_running() for process in family)
        assert not root.exists()
        assert not accounts.outside(root).exists()

    def test_makes_a_database_of_its_own_beside_a_given_one_and_drops_it(self, servers: Stack) -> None:
        given = {"database_url": servers.database_url, "redis_url": servers.redis_url}
        with Stack(workers=0, web=None, sweeper=False, **given) as guest:
            assert guest.database_url != servers.database_url
            assert guest.redis_url != servers.redis_url
            name = answer(guest, "select current_database()")
            with redis.Redis.from_url(guest.redis_url) as client:
                client.set("mine", 1)
        assert answer(servers, f"select count(*) from pg_database where datname = '{name}'") == 0
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.info("keyspace") == {}

    def test_uses_shared_servers_as_they_are(self, servers: Stack) -> None:
        given = {"database_url": servers.database_url, "redis_url": servers.redis_url}
        with Stack(workers=0, web=None, sweeper=False, shared=True, **given) as guest:
            assert guest.database_url == servers.database_url
            assert guest.redis_url == servers.redis_url
        assert answer(servers, "select 1") == 1


class TestLeftovers:
    def test_a_note_without_a_server_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "postmaster.pid").write_text("999999999\n/nowhere\n")
        postgres.clear_leftovers(tmp_path)
        assert not (tmp_path / "postmaster.pid").exists()

    def test_of_killed_stacks_are_cleared_away_and_those_of_living_ones_are_not(self, tmp_path: Path) -> None:
        for name in ("dead", "living", "unborn"):
            (tmp_path / name).mkdir()
        (tmp_path / "dead" / "lock").touch()
        with running.alone(tmp_path / "living"):
            running.remove_abandoned(tmp_path, "*")
            assert sorted(path.name for path in tmp_path.iterdir()) == ["living", "unborn"]

    def test_are_never_those_of_a_stack_that_begins(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        flock = fcntl.flock

        def late(lock, how) -> None:
            monkeypatch.undo()
            running.remove_abandoned(tmp_path, "*")
            flock(lock, how)

        monkeypatch.setattr(fcntl, "flock", late)
        with running.alone(tmp_path / "begun"):
            assert (tmp_path / "begun" / "lock").exists()
            running.remove_abandoned(tmp_path, "*")
            assert [path.name for path in (tmp_path / "begun").iterdir()] == ["lock"]
        running.remove_abandoned(tmp_path, "*")
        assert not (tmp_path / "begun").exists()
