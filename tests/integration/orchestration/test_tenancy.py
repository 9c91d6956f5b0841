"""Apps and their secrets: shown once, kept wrapped, at most two at a time, audited."""

import pytest
from django.utils import timezone

from migration.config import encryption_keys
from migration.models import App, AppSecret, AuditLine
from migration.orchestration import tenancy
from migration.values.envelopes import wrapper
from tests.factories.doors import at_once, make_tenant


@pytest.mark.django_db
class TestAnApp:
    def test_has_a_key_of_its_own_and_proper_origins(self) -> None:
        at = timezone.now()
        one = tenancy.create_app(name="A", slug="a", origins=["https://A.example:443"], at=at, actor="anna")
        other = tenancy.create_app(name="B", slug="b", at=at, actor="anna")
        assert one.publishable_key.startswith("pk_")
        assert one.publishable_key != other.publishable_key
        assert one.allowed_origins == ["https://a.example"]
        assert AuditLine.objects.filter(action="app_created", actor="anna").count() == 2

    def test_with_a_bad_origin_is_not_made(self) -> None:
        with pytest.raises(tenancy.OriginInvalid):
            tenancy.create_app(name="A", slug="a", origins=["https://a.example/x"], at=timezone.now(), actor="anna")
        assert not App.objects.exists()


@pytest.mark.django_db
class TestASecret:
    def test_is_kept_wrapped_and_comes_back(self) -> None:
        tenant = make_tenant()
        kept = AppSecret.objects.get()
        assert tenant.secret.encode() not in bytes(kept.wrapped)
        assert wrapper(encryption_keys()).decrypt(bytes(kept.wrapped)).decode() == tenant.secret
        assert kept.key_id == tenant.secret[3:11] == tenancy.key_id_of(tenant.secret)

    def test_makes_room_when_it_is_revoked_and_only_once(self) -> None:
        tenant, at = make_tenant(), timezone.now()
        tenancy.add_secret(app=tenant.app, at=at, actor="anna")
        with pytest.raises(tenancy.TooManySecrets):
            tenancy.add_secret(app=tenant.app, at=at, actor="anna")
        secret = AppSecret.objects.order_by("created_at").first()
        assert secret is not None
        for _ in range(2):
            tenancy.revoke_secret(secret=secret, at=at, actor="anna")
        tenancy.add_secret(app=tenant.app, at=at, actor="anna")
        assert AuditLine.objects.filter(action="secret_revoked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_secrets_at_once_are_two() -> None:
    tenant = make_tenant()
    AppSecret.objects.all().delete()

    def add(_: int) -> str:
        try:
            return tenancy.add_secret(app=tenant.app, at=timezone.now(), actor="anna")
        except tenancy.TooManySecrets:
            return ""

    assert sum(map(bool, at_once(8, add))) == 2
