"""The page comes first: no piece of our work keeps its main thread for longer than three frames."""

from collections.abc import Callable

import pytest

from e2e import corpus
from e2e.conftest import Profile
from e2e.pages import AccountPage

LONGEST_MS = 50
TRIES = 3
# The browser reports whatever kept the thread for more than 50 ms, whoever it was.
_LISTEN = """
    window.longTasks = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longTasks.push([entry.startTime, entry.duration]);
    }).observe({ type: 'longtask', buffered: true });
"""
# Long tasks are told with delay; two frames after the work is over they have been.
_SETTLE = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))"
SHAPES = {
    "50,000 keys": lambda: {f"note:{n}": f'{{"title":"Note {n}","done":false,"tags":["a","b"]}}' for n in range(50_000)},
    "5 MiB in one value": corpus.one_huge,
    "5 MiB in 500 values": lambda: {f"note:{n}": "lorem ipsum " * 860 for n in range(500)},
}


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
class TestSlices:
    """Only Chromium reports long tasks. Noise of a shared machine only adds: the best of three tries counts."""

    @pytest.mark.parametrize("shape", SHAPES)
    def test_plan_and_move_keep_no_frame_waiting(
        self, new_profile: Callable[[], Profile], account: Callable[..., AccountPage], shape: str
    ) -> None:
        entries = SHAPES[shape]()
        tries = []
        for _ in range(TRIES):
            tries.append(self._long_tasks(account(new_profile(), withoutPanel=True), entries))
            if not tries[-1]:
                break
        assert [] in tries, f"tasks over {LONGEST_MS} ms (start, length), by try: {tries}"

    def _long_tasks(self, page: AccountPage, entries: dict[str, str]) -> list[tuple[str, int, int]]:
        page.prepare().storage.write(entries)
        page.open()
        page.page.evaluate(_LISTEN)
        page.page.evaluate(_SETTLE)
        found = []
        for name, work in (
            ("nothing", lambda: None),
            ("plan", lambda: page.call("createMigrationPlan")),
            ("move", page.migrate),
        ):
            page.page.evaluate("window.longTasks.length = 0")
            work()
            page.page.evaluate(_SETTLE)
            tasks = page.page.evaluate("window.longTasks")
            found += [(name, round(start), round(length)) for start, length in tasks if length > LONGEST_MS]
        page.page.context.close()
        return found
