"""What operators do in a recording of the simulator, done by the functions an operator's page does it with."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from migration import cutover
from migration.cutover.buckets import bucket_of
from migration.models import App, Owner
from migration.orchestration import cutting_over, rolling_back
from migration.orchestration.cutting_over import Why
from tests.factories.loads import at_stage

_WHY = Why("operator", force=True)


class Operator:
    """Somebody with an app and the owners of a recording, by name."""

    def __init__(self, app: App, owners: Mapping[str, Owner]) -> None:
        """Take them."""
        self._app, self._owners = app, owners

    def begin(self, *, stage: str, percentage: int, epoch: int) -> None:
        """Put the app where the recording begins."""
        at_stage(self._app, stage, percentage=percentage)
        App.objects.filter(id=self._app.id).update(epoch=epoch)

    def act(self, *, does: str, collection: str = "", share: int | None = None, owner: str = "") -> None:
        """Do what the recording names; nothing of it may be refused."""
        at, app_id = timezone.now(), self._app.id
        if owner:
            self._apart(does, self._owners[owner].id, at=at)
        elif does in ("panic", "release_panic"):
            getattr(cutting_over, does)(app_id=app_id, why=_WHY, at=at)
        elif does == "compare":
            cutting_over.set_comparison(app_id=app_id, comparison=cutover.Comparison(), why=_WHY, at=at)
        else:
            given: dict[str, Any] = {} if share is None else {"percentage": share}
            getattr(cutting_over, does)(app_id=app_id, collection=collection, why=_WHY, at=at, **given)

    def epochs(self) -> dict[str, str]:
        """Return the epoch each owner's devices write under now."""
        return {name: str(cutover.current_epoch(owner_id=owner.id)) for name, owner in self._owners.items()}

    @staticmethod
    def _apart(does: str, owner_id: UUID, *, at: datetime) -> None:
        if does == "put_on":
            rolling_back.put_owner_on(owner_id=owner_id, actor="operator", at=at)
        else:
            cutover.raise_owner_epoch(owner_id=owner_id, cause="test", actor="operator", at=at)


def salt_for(owners: Mapping[str, Owner], recording: Mapping[str, Any]) -> UUID:
    """Return a salt under which each owner is on the side of every share where the recording has it."""
    shares, due = recording["shares"], recording["buckets"]

    def fits(salt: UUID) -> bool:
        own = {name: bucket_of(owner_id=owner.id, salt=salt) for name, owner in owners.items()}
        return all((own[name] < share) == (due[name] < share) for name in owners for share in shares)

    return next(salt for salt in iter(uuid4, None) if fits(salt))
