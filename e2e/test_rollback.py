"""Going back: by the user, and by an operator."""

import pytest

from e2e.ledger import Ledger
from e2e.material import travelling
from e2e.pages import AdminPage, DemoPage
from e2e.waiting import until
from e2e.watch import Watch


@pytest.fixture
def operators_engine(engine: str) -> str:
    """The admin is seen in both browsers here."""
    return engine


class TestRollbackFromTheAdmin:
    def test_needs_the_word_empties_the_server_and_is_seen_by_the_page(
        self, demo: DemoPage, admin: AdminPage, ledger: Ledger, watch: Watch
    ) -> None:
        # The page's epoch is stale after a rollback; being told so is an answer the browser logs.
        watch.expect(r"status of 409", r"status of 422 .*/rollback/$")
        demo.fill()
        before = demo.storage.read()
        demo.panel.shows_offer()
        demo.panel.move()
        demo.panel.shows_receipt()
        run_id = demo.panel.run_id()
        owner = ledger.run(run_id).owner

        admin.open_run(run_id)
        admin.ask_to_roll_back()
        admin.confirm("yes please")
        admin.says("Type .* to go on")
        assert ledger.records(owner) == travelling(before)

        admin.confirm(admin.word_to_type())
        until(demo.page, lambda: ledger.run(run_id).state == "rolled_back")
        assert ledger.records(owner) == {}

        demo.reload()
        demo.panel.shows("The move was undone")
        assert demo.storage.read() == before

    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_after_it_the_same_data_can_be_moved_again(
        self, demo: DemoPage, admin: AdminPage, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect(r"status of 409")
        demo.fill()
        demo.panel.shows_offer()
        demo.panel.move()
        demo.panel.shows_receipt()
        run_id = demo.panel.run_id()
        admin.open_run(run_id)
        admin.ask_to_roll_back()
        admin.confirm(admin.word_to_type())
        until(demo.page, lambda: ledger.run(run_id).state == "rolled_back")

        demo.reload()
        demo.panel.shows("The move was undone")
        demo.panel.move()
        demo.panel.shows_receipt()
        assert ledger.records(ledger.run(run_id).owner) == travelling(demo.storage.read())
