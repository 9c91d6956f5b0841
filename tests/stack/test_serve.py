"""The web server's end: what it has begun it finishes, and sockets learn that it comes back."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from syncserver.stack import PROJECT, ports, processes
from tests.stack.slow_app import BLOCK, BLOCKS

IDLE = 2
SERVE = (
    f"import sys; from syncserver import serve; serve.IDLE = {IDLE};"
    " serve.serve('tests.stack.slow_app:application', sys.argv[1:])"
)


@dataclass(frozen=True)
class Served:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int

    def listens(self) -> bool:
        try:
            ports.listen(self.port).close()
        except ports.PortTaken:
            return True
        return False


@pytest.fixture
def served() -> Iterator[Served]:
    with ports.listen(0) as listener:
        descriptor = listener.fileno()
        arguments = [sys.executable, "-c", SERVE, "--fd", str(descriptor)]
        process = subprocess.Popen(arguments, cwd=PROJECT, pass_fds=[descriptor])
        port = listener.getsockname()[1]
    yield Served(process, port)
    process.kill()
    process.wait()


class TestEnd:
    def test_lets_running_requests_finish_and_takes_no_new_ones(self, served: Served) -> None:
        with ThreadPoolExecutor() as pool, httpx.Client(timeout=20) as client:
            assert client.get(f"http://127.0.0.1:{served.port}/").status_code == 200
            running = pool.submit(httpx.get, f"http://127.0.0.1:{served.port}/long", timeout=20)
            begun = f"http://127.0.0.1:{served.port}/begun"
            assert processes.wait_until(lambda: client.get(begun).content == b"2", seconds=20)
            served.process.send_signal(signal.SIGTERM)
            assert processes.wait_until(lambda: not served.listens(), seconds=5)
            assert not running.done()
            assert len(running.result().content) == 4_000_000
        assert served.process.wait(timeout=20) == 0

    def test_tells_sockets_that_it_comes_back(self, served: Served) -> None:
        with connect(f"ws://127.0.0.1:{served.port}/", open_timeout=60) as page:
            served.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as ending:
                page.recv(timeout=20)
            assert ending.value.rcvd is not None
            assert ending.value.rcvd.code == 1012
        assert served.process.wait(timeout=20) == 0


class TestAConnection:
    def test_that_says_nothing_more_is_closed(self, served: Served) -> None:
        # From here on the server runs, and its start is not measured.
        assert httpx.get(f"http://127.0.0.1:{served.port}/sent", timeout=60).status_code == 200
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as line:
            began = time.monotonic()
            line.sendall(b"GET /sent HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert line.recv(4_096).startswith(b"HTTP/1.1 200")
            assert line.recv(4_096) == b""
            assert time.monotonic() - began > IDLE / 2

    def test_that_waits_for_its_answer_is_kept(self, served: Served) -> None:
        assert httpx.get(f"http://127.0.0.1:{served.port}/slowly", timeout=20).status_code == 200

    def test_that_became_a_socket_is_kept(self, served: Served) -> None:
        with connect(f"ws://127.0.0.1:{served.port}/", ping_interval=None, open_timeout=60) as page:
            with pytest.raises(TimeoutError):
                page.recv(timeout=2 * IDLE)
            assert page.ping().wait(20)


class TestALongAnswer:
    def test_is_written_no_faster_than_it_is_read(self, served: Served) -> None:
        """Or all of it would wait in the server's memory for whoever reads slowly."""
        address = f"http://127.0.0.1:{served.port}"
        with httpx.Client(base_url=address, timeout=20) as client, client.stream("GET", "/much") as answer:
            parts = answer.iter_raw()
            read = len(next(parts))

            def settled() -> bool:
                before = httpx.get(f"{address}/sent").content
                return not processes.wait_until(lambda: httpx.get(f"{address}/sent").content != before, seconds=0.5)

            assert processes.wait_until(settled, seconds=10)
            # What the kernel's buffers take is some megabytes at most.
            assert int(httpx.get(f"{address}/sent").content) * len(BLOCK) < 20_000_000
            assert read + sum(map(len, parts)) == BLOCKS * len(BLOCK) + 3

    def test_nobody_reads_any_more_ends_and_the_server_goes_on(self, served: Served) -> None:
        address = f"http://127.0.0.1:{served.port}"
        with httpx.Client(base_url=address, timeout=20) as client, client.stream("GET", "/much") as answer:
            assert next(answer.iter_raw())
        assert httpx.get(f"{address}/sent").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=20) == 0
