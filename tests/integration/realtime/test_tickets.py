from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from migration.config import setting
from migration.errors import NotFound
from migration.lifecycle import Ticket, consume_ticket, issue_ticket
from migration.models import App, SocketTicket
from tests.factories.doors import at_once
from tests.factories.loads import make_owner, make_run


@pytest.mark.django_db
class TestTicket:
    def test_is_used_once(self) -> None:
        run, now = make_run(), timezone.now()
        ticket = issue_ticket(owner_id=run.owner_id, run_id=run.id, at=now)
        used = consume_ticket(ticket, at=now)
        assert used == Ticket(run.app_id, run.owner_id, run.id, False, ())
        assert consume_ticket(ticket, at=now) is None

    def test_is_not_what_the_table_holds(self) -> None:
        ticket = issue_ticket(owner_id=make_owner().id, run_id=None, at=timezone.now())
        (row,) = SocketTicket.objects.all()
        assert ticket.encode() not in bytes(row.hash)

    def test_ends_after_its_seconds_and_is_gone_then(self) -> None:
        now = timezone.now()
        ticket = issue_ticket(owner_id=make_owner().id, run_id=None, at=now)
        assert consume_ticket(ticket, at=now + timedelta(seconds=setting("TICKET_SECONDS"))) is None
        assert not SocketTicket.objects.exists()

    def test_goes_with_a_later_one_when_nobody_uses_it(self) -> None:
        owner, now = make_owner(), timezone.now()
        for _ in range(3):
            issue_ticket(owner_id=owner.id, run_id=None, at=now)
        issue_ticket(owner_id=owner.id, run_id=None, at=now + timedelta(minutes=1))
        assert SocketTicket.objects.count() == 1

    def test_is_not_made_for_a_foreign_run(self) -> None:
        stranger = make_owner()
        with pytest.raises(NotFound):
            issue_ticket(owner_id=stranger.id, run_id=make_run().id, at=timezone.now())
        with pytest.raises(NotFound):
            issue_ticket(owner_id=stranger.id, run_id=uuid4(), at=timezone.now())

    def test_opens_nothing_of_an_app_that_was_switched_off(self) -> None:
        run, now = make_run(), timezone.now()
        ticket = issue_ticket(owner_id=run.owner_id, run_id=run.id, at=now)
        App.objects.filter(id=run.app_id).update(is_active=False)
        assert consume_ticket(ticket, at=now) is None


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_exactly_one_gets_in() -> None:
    now = timezone.now()
    ticket = issue_ticket(owner_id=make_owner().id, run_id=None, at=now)

    used = at_once(50, lambda _: consume_ticket(ticket, at=now))
    assert sum(one is not None for one in used) == 1


@pytest.mark.django_db
def test_of_a_thousand_uses_one_after_another_only_the_first_gets_in() -> None:
    now = timezone.now()
    ticket = issue_ticket(owner_id=make_owner().id, run_id=None, at=now)
    used = [consume_ticket(ticket, at=now) is not None for _ in range(1_000)]
    assert (used[0], sum(used)) == (True, 1)
