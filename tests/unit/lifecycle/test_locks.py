"""Advisory locks share one space: no two purposes may use one number, and each fits what Postgres takes."""

from uuid import UUID, uuid4

from migration.lifecycle.chunks import WORKER_LOCKS
from migration.orchestration.sweeping import SWEEP_LOCK
from migration.orchestration.work import _lock_key


def test_purposes_have_numbers_of_their_own():
    assert WORKER_LOCKS != SWEEP_LOCK
    assert 0 < WORKER_LOCKS < 2**31
    assert 0 < SWEEP_LOCK < 2**63


def test_a_run_has_one_number_and_another_run_another():
    one = uuid4()
    assert _lock_key(one) == _lock_key(UUID(str(one)))
    assert len({_lock_key(uuid4()) for _ in range(1_000)}) == 1_000
    assert -(2**63) <= _lock_key(UUID(int=2**128 - 1)) < 2**63
    assert _lock_key(UUID(int=2**127)) == -(2**63)
