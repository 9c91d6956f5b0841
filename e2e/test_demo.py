"""The main road: found, planned, moved, watched, receipted, undone."""

import re

from e2e.conftest import Profile
from e2e.ledger import Ledger
from e2e.pages import DemoPage
from e2e.watch import Watch

SECRET = "auth_token"


class TestTheMainRoad:
    def test_moves_the_page_and_undoes_it(self, demo: DemoPage, ledger: Ledger, watch: Watch) -> None:
        # The page's epoch is stale after a rollback; being told so is an answer the browser logs.
        watch.expect(r"status of 409")
        demo.fill()
        before = demo.storage.read()
        demo.panel.shows_offer()
        assert demo.panel.collections() == {"notes": 24, "todos": 60, "settings": 1, "everything else": 7}
        assert demo.panel.withheld() == {SECRET: "looks like a sign-in"}
        assert re.search(r"about \d+\D\d+ s", demo.panel.estimate())

        demo.panel.move()
        demo.panel.shows_receipt()

        run = ledger.run(demo.panel.run_id())
        travelled = {key: value for key, value in before.items() if key != SECRET}
        assert ledger.records(run.owner) == travelled
        assert demo.panel.receipt()["Stored"] == str(len(travelled))
        assert demo.panel.receipt()["Stayed in this browser"] == "1"
        assert demo.panel.receipt()["Receipt"] == run.id[:8]

        assert demo.panel.ask_to_undo() == [f"{len(travelled)} items leave the server"]
        demo.panel.undo()
        assert ledger.records(run.owner) == {}
        assert ledger.tombstones(run.owner) == set(travelled)

        demo.panel.bring_back()
        assert ledger.records(run.owner) == travelled
        assert demo.storage.read() == before


class TestThePage:
    def test_sets_a_strict_policy_and_no_cookie(self, profile: Profile) -> None:
        response = profile.page().goto(f"{profile.url}/")
        assert response is not None
        policy = response.header_value("content-security-policy") or ""
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.header_value("set-cookie") is None

    def test_can_be_moved_by_the_keyboard_alone(self, demo: DemoPage) -> None:
        demo.add_todo("Feed the cat")
        demo.panel.shows_offer()
        demo.stand_at_the_top()
        demo.panel.move_by_keyboard()
        demo.panel.shows_receipt()

    def test_an_empty_app_shows_no_panel_until_there_is_something(self, demo: DemoPage) -> None:
        demo.panel.waits_for(lambda status: status["supported"])
        assert demo.panel.is_absent()
        demo.add_todo("The first thing")
        demo.panel.shows("1 item lives only in this browser")
