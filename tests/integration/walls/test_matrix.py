"""No app sees another app, no owner another owner: every described operation, by everybody who should not."""

from typing import Any
from uuid import uuid4

import pytest

from migration.api import base
from migration.api.tokens import issue_user_token
from migration.models import Backup, MigrationRun, Owner, Rollback, RollbackPoint, SocketTicket
from tests.factories import matrix
from tests.factories.doors import Browser, Tenant, account, make_tenant
from tests.factories.matrix import Possessions, ask, names_an_object, operations

pytestmark = pytest.mark.django_db
ABOUT_ONE = [name for name in operations() if names_an_object(name)]
ABOUT_ALL = [name for name in operations() if not names_an_object(name)]
KEPT = (MigrationRun, Backup, Rollback, RollbackPoint, SocketTicket)
REFUSED = b'{"code":"unauthenticated","detail":"Valid credentials are required."}'


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


@pytest.fixture
def victim(tenant: Tenant) -> Possessions:
    return matrix.possessions(tenant)


def kept(victim: Possessions) -> list[Any]:
    """Everything of the victim that an operation could touch, and its owner's epoch and revision."""
    owner_id = MigrationRun.objects.values_list("owner_id", flat=True).get(id=victim.ids["run_id"])
    rows = [list(model.objects.filter(owner_id=owner_id).order_by("pk").values()) for model in KEPT]
    return [*rows, list(Owner.objects.filter(id=owner_id).values("epoch", "revision"))]


def hold_out(name: str, tenant: Tenant, victim: Possessions) -> None:
    """Ask for one operation on the victim's objects as every stranger: 404 each time, and nothing is touched."""
    before = kept(victim)
    for who, browser in matrix.strangers(tenant, victim.browser.device).items():
        answer = ask(browser, name, victim.ids)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (name, who)
        assert not any(one in answer.content.decode() for one in victim.ids.values()), (name, who)
    assert kept(victim) == before


def show_nothing(name: str, tenant: Tenant, victim: Possessions) -> None:
    """Ask for a list as every stranger: it is there, and nothing of the victim's is in it."""
    for who, browser in matrix.strangers(tenant, victim.browser.device).items():
        answer = ask(browser, name, victim.ids)
        said = matrix.told(answer)
        # Who asks to be erased a second time, on another device, is erased already.
        assert answer.status_code < 400 or answer.json()["code"] == "erased", (name, who, said)
        assert not any(one.encode() in said for one in victim.ids.values()), (name, who)


def test_every_described_operation_is_in_the_matrix() -> None:
    assert set(matrix.ASKS) == set(operations()), "say in tests/factories/matrix.py how to ask for it"


class TestForeignObjects:
    @pytest.mark.parametrize("name", ABOUT_ONE)
    def test_are_not_found_and_not_touched(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        hold_out(name, tenant, victim)

    @pytest.mark.parametrize("name", ABOUT_ALL)
    def test_are_in_nobody_elses_lists(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        show_nothing(name, tenant, victim)

    def test_are_the_same_for_objects_that_do_not_exist(self, tenant: Tenant, victim: Possessions) -> None:
        foreign = ask(account(tenant), "runs_show", victim.ids)
        unknown = ask(account(tenant), "runs_show", {"run_id": str(uuid4())})
        assert foreign.content == unknown.content


@pytest.mark.django_db(transaction=True)
class TestWithoutTheFirstWall:
    """The same once more while no statement asks whose a row is: Postgres alone must hold."""

    @pytest.fixture(autouse=True)
    def _taken_down(self, victim: Possessions, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "scoped", matrix.without_the_first_wall)

    def test_foreign_objects_are_not_found_and_not_touched(self, tenant: Tenant, victim: Possessions) -> None:
        for name in ABOUT_ONE:
            hold_out(name, tenant, victim)

    def test_foreign_objects_are_in_nobody_elses_lists(self, tenant: Tenant, victim: Possessions) -> None:
        for name in ABOUT_ALL:
            show_nothing(name, tenant, victim)

    def test_a_foreign_run_is_shown_once_the_second_is_down_too(
        self, tenant: Tenant, victim: Possessions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(base, "scoped", matrix.without_any_wall)
        answer = ask(account(make_tenant()), "runs_show", victim.ids)
        assert (answer.status_code, answer.json()["id"]) == (200, victim.ids["run_id"])
        assert victim.ids["run_id"] in ask(account(tenant), "backups_list", victim.ids).content.decode()


class TestNobody:
    @pytest.mark.parametrize("name", operations())
    def test_gets_anything_without_a_token_that_holds(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        before = kept(victim)
        for who, browser in matrix.nobodies(tenant).items():
            answer = ask(browser, name, victim.ids)
            assert (answer.status_code, answer.content) == (401, REFUSED), who
        assert kept(victim) == before

    @pytest.mark.parametrize("name", operations())
    def test_gets_anything_of_an_app_that_is_off(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        tenant.app.is_active = False
        tenant.app.save()
        answer = ask(victim.browser, name, victim.ids)
        assert (answer.status_code, answer.json()["code"]) == (403, "app_disabled")

    @pytest.mark.parametrize("name", operations())
    def test_sets_a_cookie_or_needs_one(self, name: str, victim: Possessions) -> None:
        assert not ask(victim.browser, name, victim.ids).cookies


class TestTheOwner:
    @pytest.mark.parametrize("name", operations())
    def test_reaches_everything(self, name: str, victim: Possessions) -> None:
        assert ask(victim.browser, name, victim.ids).status_code not in (401, 403, 404, 405, 422, 500)

    @pytest.mark.parametrize("name", ["chunks_put", "runs_seal"])
    def test_writes_a_run_from_its_own_device_only(self, name: str, tenant: Tenant, victim: Possessions) -> None:
        second = account(tenant, matrix.USER)
        assert ask(second, name, victim.ids).status_code == 404
        assert second.get("/runs").json()["runs"] == []
        assert len(second.get("/runs?all=1").json()["runs"]) == 1

    def test_cannot_use_a_run_id_of_another_device(self, tenant: Tenant, victim: Possessions) -> None:
        token = issue_user_token(tenant.secret, matrix.USER, app_key=tenant.key)
        answer = ask(Browser(token=token), "runs_create", victim.ids)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_mismatch")

    def test_needs_a_device_to_write(self, victim: Possessions) -> None:
        victim.browser.device = None
        assert ask(victim.browser, "runs_create", victim.ids).json()["code"] == "invalid_body"

    def test_tells_of_a_broken_header(self, victim: Possessions) -> None:
        broken = {
            "Migration-Device": ["", "x", "1" * 40],
            "Migration-Epoch": ["", "1", "1.2.3", "a.b", "1.-1", f"1.{'9' * 30}"],
            "Migration-Fence": ["", "-1", "1.0", "9" * 20, "٣".encode().decode("latin-1")],
        }
        for name, values in broken.items():
            for value in values:
                answer = victim.browser.get("/runs?all=1", **{name: value})
                assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body"), (name, value)
