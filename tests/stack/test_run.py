"""The whole stack: it says where it is, keeps itself alive, and goes without a trace."""

import re
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import psutil
import pytest

from syncserver.stack import DidNotStart, Stack, ports, processes
from syncserver.stack.web import answers
from tests.stack.supervised import STARTS_WITHIN, Supervised, told

pytestmark = pytest.mark.stack
READY = re.compile(
    r"ready: demo (?P<demo>http://127\.0\.0\.1:\d+/)  admin (?P<admin>http://127\.0\.0\.1:\d+/admin/)"
    r" \(admin / (?P<password>\S+)\)"
)
PARTS = {"migration_worker", "migration_sweeper", "syncserver.serve"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A whole stack that the tests of this module damage and repair."""
    with Stack(workers=2) as running:
        yield running


def ready(supervised: Supervised) -> re.Match[str]:
    line = supervised.line()
    found = READY.fullmatch(line)
    assert found, line
    return found


def leaves_nothing(supervised: Supervised, number: int) -> None:
    """End a whole stack by a signal."""
    running = {word for line in told(supervised.family(), psutil.Process.cmdline) for word in line}
    assert running >= PARTS
    supervised.ends_without_a_trace(number)


class TestRun:
    """A start takes seconds: each of these ends in another way, and none leaves a process."""

    def test_its_line_leads_to_the_demo_and_into_the_admin(self, supervised: Supervised) -> None:
        found = ready(supervised.start("run"))
        with httpx.Client(follow_redirects=True, timeout=60) as client:
            assert client.get(found["demo"]).status_code == 200
            page = client.get(found["admin"])
            form = {
                "username": "admin",
                "password": found["password"],
                "csrfmiddlewaretoken": client.cookies["csrftoken"],
            }
            page = client.post(page.url, data=form)
            assert "Log out" in page.text
            assert client.get(f"{found['demo']}static/admin/css/base.css").status_code == 200
        leaves_nothing(supervised, signal.SIGHUP)

    def test_a_second_start_finds_everything_as_it_was(self, supervised: Supervised) -> None:
        # Not the usual port, which another start on this machine may take in between.
        supervised.root.mkdir(parents=True, exist_ok=True)
        (supervised.root / "port").write_text(str(ports.free()))
        first = ready(supervised.start("run"))
        leaves_nothing(supervised, signal.SIGKILL)
        second = ready(supervised.start("run"))
        assert second["password"] == first["password"]
        assert second["demo"] == first["demo"], "browsers keep the demo's data per port"
        leaves_nothing(supervised, signal.SIGTERM)

    def test_a_second_supervisor_is_refused_and_told_where_the_first_is(self, supervised: Supervised) -> None:
        found = ready(supervised.start("run"))
        second = Supervised(root=supervised.root).start("run")
        assert second.wait() == 1
        second.end()
        assert second.complaints == [f"the stack already runs in {supervised.root}: {found['demo']}"]
        leaves_nothing(supervised, signal.SIGINT)

    def test_may_be_stopped_while_it_starts(self, supervised: Supervised) -> None:
        supervised.start("run")
        assert processes.wait_until(supervised.family, seconds=60)
        supervised.ends_without_a_trace(signal.SIGINT)

    def test_a_port_that_was_asked_for_and_is_taken_is_refused(self, supervised: Supervised) -> None:
        with ports.listen(0) as stranger:
            port = stranger.getsockname()[1]
            supervised.start("run", "--port", str(port))
            assert supervised.wait(seconds=STARTS_WITHIN) == 1
        supervised.end()
        assert len(supervised.complaints) == 1
        assert f"port {port} is taken" in supervised.complaints[0]


class TestSupervision:
    @pytest.mark.parametrize("name", ["worker-0", "sweeper", "web", "redis", "postgres"])
    def test_restarts_what_was_killed(self, stack: Stack, name: str) -> None:
        before, restarts = stack.processes[name].pid, stack.processes[name].restarts
        stack.kill(name)
        stack.wait_ready(name)
        assert stack.processes[name].pid != before
        assert stack.processes[name].restarts == restarts + 1
        stack.wait_ready("web")

    def test_what_was_stopped_stays_down_until_started(self, stack: Stack) -> None:
        stack.stop("web")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{stack.url}/livez", timeout=60)
        stack.start("web")
        assert httpx.get(f"{stack.url}/livez", timeout=60).status_code == 200

    def test_a_stranger_on_its_port_is_never_taken_for_it(self, stack: Stack) -> None:
        stack.stop("web")
        stack.processes["web"].auto_restart = False
        with stranger(stack.port), pytest.raises(DidNotStart, match="is taken by another program"):
            stack.start("web")
        stack.processes["web"].auto_restart = True
        stack.start("web")
        assert httpx.get(f"{stack.url}/livez", timeout=60).status_code == 200

    def test_the_web_process_bounds_its_connections(self, stack: Stack) -> None:
        with httpx.Client(limits=httpx.Limits(max_connections=64), timeout=60) as client:
            threads = [Thread(target=client.get, args=(f"{stack.url}/readyz",)) for _ in range(64)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        backends = stack.manage("shell", "--no-imports", "-c", BACKENDS)
        assert int(backends.split()[-1]) <= 16


BACKENDS = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("select count(*) from pg_stat_activity where application_name = 'syncserver-web'")
    print(cursor.fetchone()[0])
"""


class Stranger(BaseHTTPRequestHandler):
    """Answers everything kindly, and knows no token."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ready": true, "token": ""}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class stranger:  # noqa: N801 - reads as a word in a with statement
    """A foreign HTTP server on a port."""

    def __init__(self, port: int) -> None:
        self.server = ThreadingHTTPServer((ports.LOOPBACK, port), Stranger)

    def __enter__(self) -> ThreadingHTTPServer:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self.server

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class TestReadiness:
    def test_a_stranger_is_not_ready_for_us(self) -> None:
        with stranger(0) as server:
            assert not answers(server.server_port, token="ours")

    def test_silence_is_not_readiness(self) -> None:
        with ports.listen(0) as silent:
            assert not answers(silent.getsockname()[1], token="ours")
