"""Keys are rotated while workers hold chunks: nobody waits in a circle, and what was held is rotated in the end."""

import threading
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from django.db import connection, transaction

from migration.models import Chunk
from migration.orchestration import keys
from migration.values.envelopes import wrapped_under
from tests.factories.runs import sealed_run
from tests.factories.uploads import todos

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = (urlsafe_b64encode(bytes([number] * 32)).decode() for number in (1, 2))
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("first", [0, 2], ids=["from the first on", "from the last on"])
def test_a_batch_and_a_rotation_that_want_the_same_chunks_both_come_to_an_end(settings: Any, first: int) -> None:
    settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": OLD}
    run = sealed_run(todos(3), chunks=[todos(1, first=number) for number in range(3)])
    settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": f"{NEW},{OLD}"}
    chunks = Chunk.objects.filter(run=run)
    held, *others = sorted(chunks.values_list("id", flat=True), reverse=first > 0)
    rotated: list[object] = []

    def rotate() -> None:
        try:
            rotated.append(keys.rotate_keys())
        finally:
            connection.close()

    rotating = threading.Thread(target=rotate)
    with transaction.atomic():
        chunks.filter(id=held).update(attempts=1)
        rotating.start()
        deadline = time.monotonic() + 20
        while not somebody_waits_for_us():
            assert time.monotonic() < deadline, "the rotation waits for the chunk the batch holds"
        for other in others:
            chunks.filter(id=other).update(attempts=1)
    rotating.join(20)
    assert rotated == [keys.Rotation(chunks=3, secrets=0)]
    assert [wrapped_under(bytes(one), keys=[NEW]) for one in chunks.values_list("wrapped_key", flat=True)] == [0, 0, 0]
    assert set(chunks.values_list("attempts", flat=True)) == {1}
