"""What an operator downloads from the real ASGI server is sent as it is read, never gathered in memory first."""

import base64
import gzip
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from migration.admin import causes
from migration.models import Backup, MigrationRun, QuarantineEntry
from migration.orchestration.quarantine import Cause
from tests.factories.loads import make_device, make_run
from tests.factories.runs import sealed_run
from tests.factories.servers import daphne
from tests.integration.admin.conftest import quarantine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]

FEW, MANY = 8, 56
MEGABYTE = 1_048_576
MOST = 24 * MEGABYTE
"""What the server may grow by while it hands out 48 MB more: how much of it waits to be sent is a matter of moments."""


def incompressible() -> str:
    return base64.b64encode(os.urandom(MEGABYTE * 3 // 4)).decode()


def a_backup(size: int) -> tuple[str, dict[str, str]]:
    entries: dict[str, str | None] = {f"todo:{number}": incompressible() for number in range(size)}
    run = sealed_run(entries, chunks=[{key: value} for key, value in entries.items()])
    return reverse("admin:migration_backup_download", args=[Backup.objects.get(run=run).id]), {}


def a_cause(size: int) -> tuple[str, dict[str, str]]:
    run: MigrationRun = make_run(make_device())
    refused = [quarantine(run, ordinal=size * 100 + number, code="poison") for number in range(size)]
    QuarantineEntry.objects.filter(run=run).update(line=f'["k","{incompressible()}"]'.encode())
    return causes.address(Cause.of(refused[0])), {"verb": "export"}


@pytest.fixture
def address() -> Iterator[str]:
    with daphne() as address:
        yield address


@pytest.fixture
def operator(address: str) -> Iterator[httpx.Client]:
    browser = Client()
    browser.force_login(User.objects.create(username="ada", is_staff=True, is_superuser=True))
    cookies = {"sessionid": browser.cookies["sessionid"].value, "csrftoken": "c" * 32}
    headers = {"X-CSRFToken": "c" * 32, "Referer": address}
    with httpx.Client(base_url=address, cookies=cookies, headers=headers, timeout=60) as client:
        yield client


def server() -> int:
    """Return the process that serves."""
    children = psutil.Process().children()
    return next(child.pid for child in children if "syncserver.serve" in child.cmdline())


def peak_of(pid: int) -> int:
    """Return the most memory the process has ever had, bytes."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert told is not None
    return int(told[1]) * 1024


@pytest.mark.parametrize("held", [a_backup, a_cause])
def test_a_download_takes_no_more_memory_for_being_longer(
    operator: httpx.Client, held: Callable[[int], tuple[str, dict[str, str]]]
) -> None:
    path, form = held(FEW)
    assert operator.post(path, data=form).status_code == 200
    path, form = held(MANY)
    pid = server()
    before = peak_of(pid)
    with operator.stream("POST", path, data=form) as answer:
        assert answer.status_code == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        assert "no-store" in answer.headers["Cache-Control"]
        told = b"".join(answer.iter_raw())
    assert len(told) > 0.7 * MANY * MEGABYTE
    if answer.headers["Content-Type"] == "application/gzip":
        assert int(answer.headers["Content-Length"]) == len(told)
        told = gzip.decompress(told)
    assert told.count(b"\n") == MANY
    assert peak_of(pid) - before < MOST
