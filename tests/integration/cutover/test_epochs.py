"""The epoch rises with its audit line, and older ones are refused."""

from uuid import uuid4

import pytest
from django.utils import timezone

from migration.cutover import ZeroDowntimeCoordinator, check_epoch, current_epoch
from migration.errors import NotFound, StaleEpoch
from migration.models import AuditLine
from migration.values.epochs import Epoch
from tests.factories.loads import make_owner

pytestmark = pytest.mark.django_db
coordinator = ZeroDowntimeCoordinator()


class TestRaising:
    def test_raises_one_owners_part_and_says_why(self) -> None:
        owner, neighbour = make_owner(), make_owner()
        raised = coordinator.raise_owner_epoch(owner_id=owner.id, cause="rollback", actor="anna", at=timezone.now())
        assert raised == current_epoch(owner_id=owner.id) == Epoch(1, 2)
        assert current_epoch(owner_id=neighbour.id) == Epoch(1, 1)
        line = AuditLine.objects.get(action="epoch_raised")
        assert (line.actor, line.data, line.owner_id) == ("anna", {"epoch": "1.2", "cause": "rollback"}, owner.id)

    def test_of_nobody_is_refused(self) -> None:
        with pytest.raises(NotFound):
            coordinator.raise_owner_epoch(owner_id=uuid4(), cause="x", actor="x", at=timezone.now())
        with pytest.raises(NotFound):
            current_epoch(owner_id=uuid4())


class TestChecking:
    @pytest.mark.parametrize("told", [Epoch(2, 5), Epoch(3, 5), Epoch(2, 6)])
    def test_lets_the_current_and_newer_pass(self, told: Epoch) -> None:
        check_epoch(told=told, current=Epoch(2, 5))

    @pytest.mark.parametrize("told", [Epoch(1, 5), Epoch(2, 4), Epoch(1, 9), Epoch(9, 4)])
    def test_refuses_what_is_older_in_any_part(self, told: Epoch) -> None:
        with pytest.raises(StaleEpoch) as refused:
            check_epoch(told=told, current=Epoch(2, 5))
        assert refused.value.extras == {"epoch": "2.5"}
