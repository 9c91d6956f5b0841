"""Standing in the middle of a move: two chunks are stored, others wait at the gate."""

from e2e.conftest import Profile
from e2e.gate import Gate
from e2e.ledger import Ledger
from e2e.material import bulky
from e2e.pages import DemoPage
from e2e.waiting import until

# Four chunks at least: two pass, two wait.
DATA = bulky(320)


def moved_half(demo: DemoPage, profile: Profile, ledger: Ledger) -> tuple[Gate, str]:
    """Start a move and return the gate that holds the rest of it, and the run's id."""
    gate = Gate(profile.context, passing=2)
    demo.storage.write(DATA)
    demo.reload()
    demo.panel.shows_offer()
    demo.panel.move()
    run_id = demo.panel.run_id()
    until(demo.page, lambda: len(ledger.chunks(run_id)) == 2 and gate.held > 0)
    return gate, run_id


def assert_arrived_once(ledger: Ledger, run_id: str, expected: dict[str, str]) -> None:
    """The same run finished, everything is there, and at most one chunk travelled twice."""
    run = ledger.run(run_id)
    assert run.state == "completed"
    assert ledger.runs_of(run.owner) == [run_id]
    assert ledger.records(run.owner) == expected
    sent = ledger.chunks(run_id)
    assert sum(sent) - len(expected) <= max(sent)
