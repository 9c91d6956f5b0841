"""The mass guard's second wall: who deletes more than the app's limit at once must say that a person meant it.

The browser asks first, by its own judgement; this holds where the browser's is wrong, or not ours. Nothing is asked of
the database unless the app has a limit and something is to be deleted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from migration.asking import ask
from migration.config import limit_of, setting
from migration.loading import ops as loading
from migration.loading.ops import Arrival, Lock
from migration.models import Device
from migration.orchestration.intake import Sender
from migration.values.deletions import judge_deletions
from migration.values.refusals import Refusal


def refuse_mass_deletion(
    sender: Sender, arrivals: Sequence[Arrival], *, confirmed: bool, at: datetime
) -> Refusal | None:
    """Count a device's deletions under its lock; return why they are refused, all of them, or None.

    Part of the caller's transaction. What a person confirmed is not counted.
    """
    limit = limit_of(sender.app.limits, "DELETIONS")
    seqs = [one.seq for one in arrivals if one.row.value is None]
    if confirmed or not limit or not seqs:
        return None
    rows = ask(loading.locking(owner_id=sender.owner_id, device_id=sender.device_id))
    known, window = Lock.of(rows).deletions, timedelta(seconds=setting("DELETION_SECONDS"))
    verdict = judge_deletions(seqs, known=known, limit=limit, window=window, at=at)
    if not verdict.taken:
        return Refusal(0, "too_many_deletions", verdict.reason)
    if verdict.now != known:
        now = verdict.now
        counted = {"deletions": now.count, "deletions_since": now.since, "deletions_seq": now.seq}
        Device.objects.filter(id=sender.device_id).update(**counted)
    return None
