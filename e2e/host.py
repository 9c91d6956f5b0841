"""A host page on an origin of its own, as an app's own server would serve it."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

HOSTS = Path(__file__).parent / "hosts"
# Pages made by a test, by path. (A page that Playwright answers for may not call a loopback address in Chromium.)
PASTED: dict[str, str] = {}
SDK = Path(__file__).parent.parent / "frontend_sdk" / "dist"


class Handler(SimpleHTTPRequestHandler):
    """Pages out of `hosts`, and the SDK as an app would ship it with its own files."""

    def translate_path(self, path: str) -> str:
        """Serve /sdk/ from the built SDK and everything else from `hosts`."""
        name = path.partition("?")[0].lstrip("/")
        folder, _, file = name.partition("/")
        return str(SDK / Path(file).name if folder == "sdk" else HOSTS / Path(name).name)

    def do_GET(self) -> None:
        """Serve a pasted page, or a file."""
        html = PASTED.get(self.path)
        if html is None:
            super().do_GET()
            return
        body = html.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve until the block ends; yields the origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
