"""The model server of the SDK's simulator is held against the real one: the same requests, the same answers."""

from collections.abc import Callable

import pytest

from migration.api import configuration
from tests.factories.recordings import DONE, Replay, recordings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the database have another timeline: no test can restore it from a dump."""

    def as_timeline(name: str) -> None:
        monkeypatch.setattr(configuration, "timeline", lambda: name)
        configuration.forget()

    return as_timeline


def replay(first: int, count: int, live: Callable[[str], None]) -> set[tuple[str, int]]:
    said: set[tuple[str, int]] = set()
    for recording in recordings(first, count):
        replayed = Replay(recording, live)
        wrongs = replayed.play()
        assert not wrongs, f"seed {recording['seed']}: " + "\n".join(wrongs)
        said |= replayed.said
    return said


@pytest.mark.timeout(480)
def test_the_model_of_the_simulator_answers_as_we_do(live: Callable[[str], None]) -> None:
    # In one seed of fifty a rollback overtakes a run whose receipt is waited for: 37 is the first.
    said = replay(0, 20, live) | replay(37, 1, live)
    # What has to be among it, or nothing was shown.
    assert said >= {
        ("GET /records", 200),
        ("GET /records", 409),
        ("POST /records", 200),
        ("POST /records", 401),
        ("POST /records", 409),
        ("POST /records", 423),
        ("POST /records/digests", 200),
        ("GET /conflicts", 200),
        ("POST /conflicts/resolve", 200),
        ("POST /runs", 201),
        ("POST /runs", 200),
        ("PUT /runs/chunks", 201),
        ("POST /runs/seal", 200),
        ("GET /runs/receipt", 200),
        ("GET /runs/receipt", 409),
        ("POST /records/read", 200),
        ("GET /rollback-points", 200),
        ("POST /rollback-points/rollback", 202),
        ("POST /runs/rollback", 202),
        ("GET /rollbacks", 200),
    }
    acts = ("advance", "step_back", "set_percentage", "panic", "release_panic", "compare", "put_on", "raise_epoch")
    assert said >= {(act, DONE) for act in acts}


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_the_model_of_the_simulator_answers_as_we_do_at_length(live: Callable[[str], None]) -> None:
    replay(20, 500, live)
