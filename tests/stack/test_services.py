"""`services` as a process: what it prints, whom it refuses, and that no signal makes it leave anything behind."""

import signal

import psutil
import psycopg
import pytest

from tests.stack.supervised import Supervised, told

pytestmark = pytest.mark.stack


def addresses(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split())


class TestServices:
    """Each ends in another way, and none leaves a process."""

    def test_finds_its_data_again_after_it_was_killed(self, supervised: Supervised) -> None:
        first = addresses(supervised.start("services").line())
        names = told(supervised.family(), psutil.Process.name)
        assert "postgres" in names
        assert len(names) > len(set(names)), "Postgres' own processes are watched too"
        with psycopg.connect(first["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("create table kept (id int)")
        supervised.ends_without_a_trace(signal.SIGKILL)
        second = addresses(supervised.start("services").line())
        with psycopg.connect(second["DATABASE_URL"]) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (0,)
        supervised.ends_without_a_trace(signal.SIGTERM)

    def test_says_in_one_line_that_it_already_runs(self, supervised: Supervised) -> None:
        supervised.start("services").line()
        second = Supervised(root=supervised.root).start("services")
        assert second.wait() == 1
        second.end()
        assert len(second.complaints) == 1
        assert "already runs" in second.complaints[0]
        supervised.ends_without_a_trace(signal.SIGHUP)

    def test_keeps_its_passwords_off_every_command_line(self, supervised: Supervised) -> None:
        urls = addresses(supervised.start("services").line())
        secrets = [url.split("@")[0].rsplit(":", 1)[1] for url in urls.values()]
        lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        assert not [line for line in lines if any(secret in line for secret in secrets)]
        supervised.ends_without_a_trace(signal.SIGINT)
