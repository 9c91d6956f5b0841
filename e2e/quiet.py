"""A Chromium nobody listens to: its tasks are timed without the cost of being automated.

Playwright has the browser report every request with its body, on the page's own thread; for a body of megabytes that
alone takes longer than what is measured here. So this one is driven over its own protocol, with nothing switched on but
the trace. A task's time is the processor's, not the clock's: it does not grow because others use the machine.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from websockets.sync.client import ClientConnection, connect

from e2e import browsers

CATEGORIES = "toplevel"
MAIN_THREAD = "CrRendererMain"
START_SECONDS = 30.0


@dataclass(frozen=True)
class Task:
    """A piece of work on a page's main thread."""

    cpu_ms: float
    wall_ms: float


class QuietChromium:
    """One tab of such a browser."""

    def __init__(self, socket: ClientConnection, numbers: "count[int] | None" = None) -> None:
        self._socket = socket
        self._numbers = numbers or count(1)
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def another(self) -> "QuietChromium":
        """Open another tab of the same browser."""
        return QuietChromium(self._socket, self._numbers)

    def go(self, url: str, *, script: str = "") -> None:
        """Load a page, after `script` was run in it."""
        self._on_page("Page.enable")
        if script:
            self._on_page("Page.addScriptToEvaluateOnNewDocument", source=script)
        self._on_page("Page.navigate", url=url)
        self._until("Page.loadEventFired")
        self._on_page("Page.disable")

    def back(self) -> None:
        """Go back in the tab's history; returns once another page is there."""
        left = self.evaluate("location.href")
        self.evaluate("history.back()")
        until = monotonic() + START_SECONDS
        while self.evaluate("location.href") == left:
            if monotonic() > until:
                raise TimeoutError(f"still at {left}")
            sleep(0.05)

    def evaluate(self, expression: str) -> Any:
        """Return what an expression comes to, promises awaited; raises what it throws."""
        answer = self._on_page("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def timed(self, expression: str) -> tuple[Any, list[Task]]:
        """Evaluate and return the answer with every task of the page's main thread, the longest first."""
        self._ask(
            "Tracing.start", traceConfig={"includedCategories": CATEGORIES.split(",")}, transferMode="ReportEvents"
        )
        answer = self.evaluate(expression)
        self._ask("Tracing.end")
        return answer, _tasks(self._until("Tracing.tracingComplete"))

    def _on_page(self, method: str, **params: Any) -> Any:
        return self._ask(method, session=self._session, **params)

    def _ask(self, method: str, session: str | None = None, **params: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps({**message, "sessionId": session} if session else message))
        while True:
            answer = json.loads(self._socket.recv(timeout=120))
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _until(self, event: str) -> list[dict[str, Any]]:
        """Wait for an event; return what the trace told meanwhile."""
        told: list[dict[str, Any]] = []
        while True:
            message = json.loads(self._socket.recv(timeout=120))
            if message.get("method") == "Tracing.dataCollected":
                told += message["params"]["value"]
            if message.get("method") == event:
                return told


@contextmanager
def quiet_chromium(folder: Path) -> Iterator[QuietChromium]:
    """Start a browser on a fresh profile folder, and one tab in it; it ends with the block."""
    process = subprocess.Popen(
        [
            browsers.program("chromium"),
            *browsers.chromium_arguments(),
            *(
                "--headless=new",
                "--remote-debugging-port=0",
                "--no-first-run",
                f"--user-data-dir={folder}",
                "about:blank",
            ),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_address(folder), max_size=None, compression=None) as socket:
            yield QuietChromium(socket)
    finally:
        process.terminate()
        process.wait()


def _address(folder: Path) -> str:
    file = folder / "DevToolsActivePort"
    until = monotonic() + START_SECONDS
    while not (file.exists() and "\n" in file.read_text()):
        if monotonic() > until:
            raise TimeoutError("Chromium did not start")
        sleep(0.05)
    port, path = file.read_text().split()
    return f"ws://127.0.0.1:{port}{path}"


def _tasks(events: list[dict[str, Any]]) -> list[Task]:
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == MAIN_THREAD
    }
    runs = [
        Task(cpu_ms=event.get("tdur", 0) / 1000, wall_ms=event["dur"] / 1000)
        for event in events
        if event.get("ph") == "X" and (event["pid"], event["tid"]) in mains and event["name"].endswith("RunTask")
    ]
    return sorted(runs, key=lambda task: -task.cpu_ms)
