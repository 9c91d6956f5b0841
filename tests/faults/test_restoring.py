"""The web server dies while an operator restores a backup: nothing of it has happened, or all of it, and once."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.faults.browser import Browser
from tests.faults.points import RESTORING
from tests.faults.world import World, until

ENTRIES = 2_400
"""More than a restore writes at a time."""
_OF_OWNER = {
    "points": "SELECT count(*) FROM migration_rollbackpoint WHERE owner_id = %s AND name = 'before restore'",
    "restorations": "SELECT count(*) FROM migration_restoration WHERE owner_id = %s",
    "audit": "SELECT count(*) FROM migration_auditline WHERE owner_id = %s AND action = 'backup_restored'",
    "revision": "SELECT revision FROM migration_owner WHERE id = %s",
    "epoch": "SELECT epoch FROM migration_owner WHERE id = %s",
}


class Operator:
    """Somebody in the admin, without a script."""

    def __init__(self, world: World) -> None:
        self.client = httpx.Client(base_url=world.stack.url, timeout=60, follow_redirects=True)
        page = self.client.get("/admin/login/")
        self.send(page, "/admin/login/", username="admin", password=world.stack.admin_password, next="/admin/")

    def send(self, page: httpx.Response, path: str, **fields: str) -> httpx.Response:
        """Fill in the form of a page, hidden fields as they are, and send it."""
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        form = {**dict(hidden), **fields}
        return self.client.post(path, data=form, headers={"Referer": str(self.client.base_url)})


@pytest.fixture
def operator(world: World) -> Iterator[Operator]:
    operator = Operator(world)
    yield operator
    operator.client.close()


def standing(world: World, browser: Browser) -> dict[str, Any]:
    """Return all that a restore changes: what is held with its history, points, audit lines, revision and epoch."""
    seen = world.seen()
    held = {one.key: one.value for one in seen.records if one.owner == browser.owner}
    past = sorted((one.key, one.revision) for one in seen.history if one.owner == browser.owner)
    counted = {name: world.query(sql, browser.owner)[0][0] for name, sql in _OF_OWNER.items()}
    return {"held": held, "past": past, **counted}


def changed_since_its_backup(world: World) -> tuple[Browser, dict[str, str], str]:
    """Return a browser that has written over nearly everything, what it held before, and its first backup."""
    browser = world.browser(ENTRIES)
    browser.migrate(per_chunk=600)
    [(backup,)] = world.query("SELECT id::text FROM migration_backup WHERE owner_id = %s", browser.owner)
    first = dict(browser.store)
    browser.write(0, keys=list(first)[100:])
    browser.migrate(per_chunk=600)
    return browser, first, backup


class TestARestoreWhoseServerDies:
    @pytest.mark.parametrize("point", RESTORING)
    def test_has_not_happened_or_wholly_and_is_done_again_once(
        self, world: World, operator: Operator, point: str
    ) -> None:
        browser, first, backup = changed_since_its_backup(world)
        before = standing(world, browser)
        path = f"/admin/migration/backup/{backup}/restore/"
        form = operator.client.get(path, params={"mode": "replace"})
        assert form.status_code == 200
        word = re.search(r"Type <code[^>]*>([^<]+)<", form.text)
        assert word is not None
        with world.armed(f"{point}:1:kill"), world.recovery(f"web server killed at {point}"):
            with pytest.raises(httpx.TransportError):
                operator.send(form, path, word=word[1])
            world.await_fired(point)
            until(lambda: answers(world), "the web server is back")
            died = standing(world, browser)
            # The page is still open: the operator sends the same form again.
            assert operator.send(form, path, word=word[1]).status_code == 200
        done = standing(world, browser)
        assert died == (done if point == "restore.after_commit" else before)
        changed = ENTRIES - 100
        assert done["held"] == first
        assert done["revision"] == before["revision"] + changed
        assert done["epoch"] == before["epoch"] + 1
        assert len(done["past"]) == len(before["past"]) + changed
        assert (done["points"], done["restorations"], done["audit"]) == (1, 1, 1)


def answers(world: World) -> bool:
    """Tell whether the web server takes requests."""
    try:
        return httpx.get(f"{world.stack.url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
