"""What a person sees while it moves: figures that are true, never fall, and come by the socket."""

import json
from typing import Any

import pytest
from playwright.sync_api import WebSocket

from e2e.conftest import Profile
from e2e.halfway import DATA, moved_half
from e2e.ledger import Ledger
from e2e.pages import DemoPage
from e2e.waiting import until

_HEARD = """() => {
    window.heard = [];
    document.querySelector('migration-progress').client.on('progressUpdate', ({ percentage, processed, total }) =>
        window.heard.push([percentage, processed, total]));
}"""


class TestProgress:
    def test_grows_truly_and_never_falls(self, demo: DemoPage, profile: Profile, ledger: Ledger) -> None:
        demo.page.evaluate(_HEARD)
        gate, run_id = moved_half(demo, profile, ledger)
        demo.page.evaluate(_HEARD)
        done, total = until(demo.page, lambda: demo.panel.counts() if demo.panel.counts()[0] else None)
        assert done <= sum(ledger.chunks(run_id))
        assert 0 < demo.panel.percentage() < 100
        assert total == len(DATA)
        gate.open()
        demo.panel.shows_receipt()
        heard = demo.page.evaluate("window.heard")
        assert heard == sorted(heard)
        assert heard[-1] == [100, len(DATA), len(DATA)]

    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_the_socket_speaks_a_snapshot_first_and_numbers_its_events(
        self, demo: DemoPage, profile: Profile, ledger: Ledger
    ) -> None:
        messages: list[dict[str, Any]] = []

        def on_socket(socket: WebSocket) -> None:
            socket.on("framereceived", lambda frame: messages.append(json.loads(frame)))

        demo.page.on("websocket", on_socket)
        gate, run_id = moved_half(demo, profile, ledger)
        gate.open()
        demo.panel.shows_receipt()
        assert messages[0]["type"] == "snapshot"
        assert messages[0]["run"]["id"] == run_id
        numbers = [message["number"] for message in messages]
        assert numbers == sorted(set(numbers))
        assert len(messages) > 2
        assert messages[-1]["run"]["state"] == "completed"
