"""An operator at a conflict: what they decide reaches the open page of the one it concerns."""

from collections.abc import Callable

import pytest

from e2e.conftest import Profile
from e2e.ledger import Ledger
from e2e.pages import AdminPage
from e2e.tenant import Backend
from e2e.watch import Watch
from e2e.writer import Writer

HOSTILE = "<img src=x onerror=alert(1)> from the first"
Disputed = tuple[Writer, int]


@pytest.fixture
def disputed(
    new_profile: Callable[[], Profile],
    writer: Callable[..., Writer],
    ledger: Ledger,
    backend: Backend,
    watch: Watch,
) -> Disputed:
    """Two devices wrote one note apart; the later one stands. Returns the open page and the conflict's number."""
    watch.expect_lost_requests()
    first_profile, second_profile = new_profile(), new_profile()
    first = writer(first_profile, before={"note": "base"}).settle()
    second = writer(second_profile).settle()
    second.holds({"note": "base"})
    second_profile.context.set_offline(True)
    second.storage.write({"note": "from the second"})
    first.storage.write({"note": HOSTILE})
    first.settle()
    second_profile.context.set_offline(False)
    first.holds({"note": "from the second"})
    [conflict] = ledger.conflicts(ledger.owner_of_account(backend.user))
    return first, conflict


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
class TestAnOperatorAtAConflict:
    def test_sees_all_sides_and_restores_the_loser(
        self, disputed: Disputed, admin: AdminPage, ledger: Ledger, backend: Backend
    ) -> None:
        page, conflict = disputed
        admin.open_conflict(conflict)
        assert HOSTILE not in admin.page.content()
        admin.reveal()
        assert admin.sides() == {
            "What both grew from": "base",
            "What arrived": "from the second",
            "What the server held": HOSTILE,
        }
        admin.press("Restore the loser")
        admin.says("Decided; every device is told")
        page.holds({"note": HOSTILE})
        owner = ledger.owner_of_account(backend.user)
        assert ledger.records(owner) == {"note": HOSTILE}
        assert ledger.audited(owner, "conflict_decided") == ["admin:admin"]
        assert ledger.audited(owner, "value_revealed") == ["admin:admin"]

    def test_lets_a_side_stand_and_then_a_value_of_their_own(
        self, disputed: Disputed, admin: AdminPage, ledger: Ledger, backend: Backend
    ) -> None:
        page, conflict = disputed
        admin.open_conflict(conflict)
        admin.press("Take what the server held")
        page.holds({"note": HOSTILE})
        admin.press("Take what arrived")
        page.holds({"note": "from the second"})
        admin.reveal()
        admin.lets_stand("of both\nin two lines")
        page.holds({"note": "of both\nin two lines"})
        assert ledger.audited(ledger.owner_of_account(backend.user), "conflict_decided") == ["admin:admin"] * 3
