"""The main road: found, planned, moved, watched, receipted, undone."""

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
        assert "–" in demo.panel.estimate()

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
