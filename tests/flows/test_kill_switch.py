"""An operator switches an app off: every client stops at once, nothing of theirs is lost, and all go on afterwards."""

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from migration.models import App, Owner, Record
from tests.factories.doors import account, make_tenant
from tests.factories.loads import make_device, make_run
from tests.factories.ops import Writer
from tests.integration.realtime.sockets import ORIGIN, Page, in_a_loop, ticket_for

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 200


def switch(app: App, *, on: bool) -> None:
    """Switch an app on or off as the admin's form does."""
    desk = Client()
    desk.force_login(User.objects.get_or_create(username="ada", is_staff=True, is_superuser=True)[0])
    page = reverse("admin:migration_app_change", args=[app.id])
    fields = {
        "name": app.name, "slug": app.slug, "guests_allowed": "on", "collections": "[]", "exclude": "", "limits": "{}",
        "allowed_origins": "\r\n".join(app.allowed_origins), "conflict_policy": app.conflict_policy,
        "allow_sensitive": "", "max_entry_bytes": app.max_entry_bytes, "backup_days": app.backup_days,
    }  # fmt: skip
    answer = desk.post(page, {**fields, **({"is_active": "on"} if on else {})})
    assert answer.status_code == 302, answer.content


class TestAnAppThatIsSwitchedOff:
    def test_stops_two_hundred_clients_at_their_next_word_and_lets_them_go_on_later(self) -> None:
        tenant = make_tenant()
        writers = [Writer(account(tenant)) for _ in range(CLIENTS)]
        for number, writer in enumerate(writers):
            assert writer.write("k", str(number))["outcome"] == "accepted"
        before = list(Record.objects.order_by("owner_id").values_list("owner_id", "revision", "value"))
        switch(tenant.app, on=False)
        late = [(writer, writer.op("k", "late")) for writer in writers]
        told = {(answer.status_code, answer.json()["code"]) for answer in (one.send(op) for one, op in late)}
        assert told == {(403, "app_disabled")}
        for ask in ("/config", "/records?since=0", "/runs"):
            assert writers[0].browser.get(ask).status_code == 403
        assert list(Record.objects.order_by("owner_id").values_list("owner_id", "revision", "value")) == before
        switch(tenant.app, on=True)
        for writer, op in late[:20]:
            assert writer.send(op).json()["outcomes"][0]["outcome"] == "accepted"

    @in_a_loop
    async def test_is_told_to_open_pages_at_once(self) -> None:
        tenant = await sync_to_async(make_tenant)(origins=[ORIGIN])
        owner = await sync_to_async(Owner.objects.create)(app=tenant.app, kind="account", subject="ann")
        run = await sync_to_async(make_run)(await sync_to_async(make_device)(owner))
        page = await Page("/ws/v1/owner", await ticket_for(run, whole_owner=True)).open()
        await page.next()
        await sync_to_async(switch)(tenant.app, on=False)
        assert await page.next(within=5) == {"type": "epochChanged", "epoch": "2.1"}
        await page.leave()
