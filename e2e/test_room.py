"""Where room grows scarce the server asks for pauses, and a browser that moves gives them; nothing is refused."""

import shutil
import tempfile
from collections.abc import Iterator
from time import sleep

import pytest

from e2e.console import Console
from e2e.halfway import assert_arrived_once
from e2e.ledger import Ledger
from e2e.material import bulky
from e2e.pages import DemoPage
from migration.config.tuning import FRESH_SECONDS

# Four chunks at least, two of which leave together.
DATA = bulky(320)
_TUNE = """
import io
from django.core.management import call_command
call_command('migration_tune', *words, stdout=io.StringIO())
"""
# By the page's own clock: when chunks left, and when which pause was asked for. A test that reads late changes nothing.
_NOTE = """
{
    window.left = [];
    window.pauses = [];
    const { fetch } = window;
    window.fetch = async (url, options) => {
        if (url.includes("/chunks/")) left.push(performance.now() / 1000);
        const answer = await fetch(url, options);
        const hint = answer.headers.get("Backoff");
        if (hint) pauses.push([performance.now() / 1000, Number(hint)]);
        return answer;
    };
}
"""


@pytest.fixture
def tight(console: Console) -> Iterator[None]:
    """A disk that is nine tenths as empty as it has to be: room for everything, but not for long."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    console.run(_TUNE, words=["ROOM_DISK_BYTES", str(int(0.9 * free))])
    sleep(2 * FRESH_SECONDS)  # so long the server believes what it has read, and the room it has seen by that
    yield
    console.run(_TUNE, words=["ROOM_DISK_BYTES", "--reset"])


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_a_browser_pauses_between_chunks_as_it_is_asked_to(demo: DemoPage, tight: None, ledger: Ledger) -> None:
    demo.page.add_init_script(_NOTE)
    demo.storage.write(DATA)
    demo.reload()
    demo.panel.shows_offer()
    demo.panel.move()
    run_id = demo.panel.run_id()
    demo.panel.shows_receipt()

    left, pauses = demo.page.evaluate("[left, pauses]")
    assert len(left) > 2, "there were chunks to pause between"
    assert len(pauses) > 2, "the server asked"
    for at, seconds in pauses:
        # What has arrived the page reads a moment later: a chunk of the other lane may leave meanwhile.
        early = [one - at for one in left if at + 0.3 < one < at + seconds - 0.3]
        assert not early, f"a chunk left {early} s after an answer that asked for {seconds} s"
    assert_arrived_once(ledger, run_id, DATA)
