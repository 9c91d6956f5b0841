"""Tokens: what is let in, and that every forged form gets one and the same answer."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.utils import timezone

from migration.api import tokens
from migration.api.tokens import issue_user_token
from migration.models import AppSecret, Device, Owner
from migration.orchestration import tenancy
from tests.factories.doors import Browser, Tenant, at_once, guest, guest_id, make_tenant

pytestmark = pytest.mark.django_db
Forge = Callable[[Tenant], str]


def claims(tenant: Tenant, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {"iss": tenant.key, "aud": "syncserver", "sub": "anna", "iat": now, "exp": now + 300, "jti": "1"}
    return {name: value for name, value in {**said, **changes}.items() if value is not ...}


def signed(tenant: Tenant, key: str | bytes | None = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
    head = {"kid": tenancy.key_id_of(tenant.secret), **(header or {})}
    return jwt.encode(claims(tenant, **changes), tenant.secret if key is None else key, "HS256", headers=head)


def raw(tenant: Tenant, header: str | bytes, body: str | bytes, key: bytes | None = None) -> str:
    """Sign any two parts, JSON or not."""
    parts = [base64.urlsafe_b64encode(part if isinstance(part, bytes) else part.encode()) for part in (header, body)]
    text = b".".join(part.rstrip(b"=") for part in parts)
    mark = hmac.new(tenant.secret.encode() if key is None else key, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(mark).rstrip(b"=")).decode()


def header(tenant: Tenant, **members: Any) -> str:
    return json.dumps({"alg": "HS256", "typ": "JWT", "kid": tenancy.key_id_of(tenant.secret), **members})


def other_alg(alg: str) -> Forge:
    return lambda tenant: jwt.encode(
        claims(tenant), tenant.secret * 3, alg, headers={"kid": tenancy.key_id_of(tenant.secret)}
    )


def twice(tenant: Tenant) -> str:
    body = json.dumps(claims(tenant))
    return raw(tenant, header(tenant), body[:-1] + ',"sub":"berta"}')


def flipped(tenant: Tenant) -> str:
    token = signed(tenant)
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


def as_guest(tenant: Tenant) -> str:
    return jwt.encode(claims(tenant, iss="syncserver"), tenant.secret, "HS256", headers={"kid": "guest"})


def account_by_guest_key(tenant: Tenant) -> str:
    return signed(tenant, key=tokens.guest_key())


def guest_of_nobody(tenant: Tenant) -> str:
    return tokens.issue_guest_token(owner_id=uuid4(), app_key=tenant.key, at=timezone.now())[0]


def guest_with_a_name(tenant: Tenant) -> str:
    said = claims(tenant, iss="syncserver", sub="not-a-uuid")
    return jwt.encode(said, tokens.guest_key(), "HS256", headers={"kid": "guest"})


def by_other_app(tenant: Tenant) -> str:
    other = make_tenant()
    return signed(tenant, key=other.secret, header={"kid": tenancy.key_id_of(other.secret)})


def revoked(tenant: Tenant) -> str:
    secret = AppSecret.objects.get(app=tenant.app)
    tenancy.revoke_secret(secret=secret, at=timezone.now(), actor="test")
    return signed(tenant)


def half(tenant: Tenant) -> str:
    return raw(tenant, header(tenant), json.dumps(claims(tenant)), tenant.secret[:24].encode())


def now(offset: int = 0) -> int:
    return int(time.time()) + offset


FORGED: dict[str, Forge] = {
    "nothing": lambda _: "",
    "a word": lambda _: "token",
    "two parts": lambda tenant: signed(tenant).rpartition(".")[0],
    "four parts": lambda tenant: signed(tenant) + ".x",
    "no signature": lambda tenant: signed(tenant).rpartition(".")[0] + ".",
    "a flipped bit": flipped,
    "alg none": lambda tenant: jwt.encode(
        claims(tenant), "", "none", headers={"kid": tenancy.key_id_of(tenant.secret)}
    ),
    "alg None in capitals": lambda tenant: raw(tenant, header(tenant, alg="NONE"), json.dumps(claims(tenant))),
    "alg HS384": other_alg("HS384"),
    "alg HS512": other_alg("HS512"),
    "alg RS256 over the secret": lambda tenant: raw(tenant, header(tenant, alg="RS256"), json.dumps(claims(tenant))),
    "alg in small letters": lambda tenant: raw(tenant, header(tenant, alg="hs256"), json.dumps(claims(tenant))),
    "alg as a list": lambda tenant: raw(tenant, header(tenant, alg=["HS256"]), json.dumps(claims(tenant))),
    "no alg": lambda tenant: raw(tenant, '{"kid":"x"}', json.dumps(claims(tenant))),
    "critical extension": lambda tenant: signed(tenant, header={"crit": ["b64"], "b64": False}),
    "no kid": lambda tenant: raw(tenant, '{"alg":"HS256"}', json.dumps(claims(tenant))),
    "unknown kid": lambda tenant: signed(tenant, header={"kid": "unknown1"}),
    "kid as a path": lambda tenant: raw(tenant, header(tenant, kid="../../../null"), json.dumps(claims(tenant)), b""),
    "kid with quotes": lambda tenant: signed(tenant, header={"kid": "' OR 1=1 --"}),
    "kid with NUL": lambda tenant: signed(tenant, header={"kid": tenancy.key_id_of(tenant.secret) + "\x00"}),
    "kid as a number": lambda tenant: raw(tenant, header(tenant, kid=7), json.dumps(claims(tenant))),
    "kid beyond ASCII": lambda tenant: signed(tenant, header={"kid": "ключ"}),
    "kid of guests, our secret": as_guest,
    "jku": lambda tenant: signed(tenant, key="theirs" * 8, header={"jku": "https://evil.example/keys"}),
    "x5u": lambda tenant: signed(tenant, key="theirs" * 8, header={"x5u": "https://evil.example/cert"}),
    "jwk": lambda tenant: signed(tenant, key="theirs" * 8, header={"jwk": {"kty": "oct", "k": "dGhlaXJz"}}),
    "signed with the publishable key": lambda tenant: raw(
        tenant, header(tenant), json.dumps(claims(tenant)), tenant.key.encode()
    ),
    "signed with nothing": lambda tenant: raw(tenant, header(tenant), json.dumps(claims(tenant)), b""),
    "signed with half the secret": half,
    "signed by another app": by_other_app,
    "signed with a revoked secret": revoked,
    "signed with the guests' key": account_by_guest_key,
    "another issuer": lambda tenant: signed(tenant, iss="pk_other"),
    "no issuer": lambda tenant: signed(tenant, iss=...),
    "another audience": lambda tenant: signed(tenant, aud="another"),
    "audience as a list": lambda tenant: signed(tenant, aud=["syncserver"]),
    "no audience": lambda tenant: signed(tenant, aud=...),
    "no subject": lambda tenant: signed(tenant, sub=...),
    "empty subject": lambda tenant: signed(tenant, sub=""),
    "subject as a number": lambda tenant: signed(tenant, sub=7),
    "subject too long": lambda tenant: signed(tenant, sub="a" * 256),
    "subject with NUL": lambda tenant: signed(tenant, sub="anna\x00"),
    "subject with a lone surrogate": lambda tenant: signed(tenant, sub="\ud800"),
    "no expiry": lambda tenant: signed(tenant, exp=...),
    "no birth": lambda tenant: signed(tenant, iat=...),
    "expired a while ago": lambda tenant: signed(tenant, iat=now(-400), exp=now(-61)),
    "born in the future": lambda tenant: signed(tenant, iat=now(65), exp=now(300)),
    "not yet": lambda tenant: signed(tenant, nbf=now(65)),
    "lives too long": lambda tenant: signed(tenant, exp=now(902)),
    "ends before it begins": lambda tenant: signed(tenant, iat=now(50), exp=now(40)),
    "expiry as text": lambda tenant: raw(tenant, header(tenant), json.dumps(claims(tenant, exp=str(now(300))))),
    "expiry as true": lambda tenant: raw(tenant, header(tenant), json.dumps(claims(tenant, exp=True))),
    "expiry infinite": lambda tenant: raw(tenant, header(tenant), json.dumps(claims(tenant, exp=float("inf")))),
    "expiry negative": lambda tenant: signed(tenant, iat=-2, exp=-1),
    "claims twice": twice,
    "claims as a list": lambda tenant: raw(tenant, header(tenant), "[]"),
    "claims too deep": lambda tenant: raw(tenant, header(tenant), "[" * 1_000),
    "claims not UTF-8": lambda tenant: raw(tenant, header(tenant), b'{"sub":"\xff"}'),
    "header as a list": lambda tenant: raw(tenant, "[]", json.dumps(claims(tenant))),
    "ten kilobytes": lambda tenant: signed(tenant, jti="x" * 10_000),
    "a guest who is nobody": guest_of_nobody,
    "a guest with a name": guest_with_a_name,
}


class TestForgedTokens:
    def test_come_in_more_than_forty_forms(self) -> None:
        assert len(FORGED) > 40

    @pytest.mark.parametrize("form", FORGED)
    def test_get_one_constant_answer(self, form: str) -> None:
        tenant = make_tenant()
        answer = Browser(token=FORGED[form](tenant)).get("/runs")
        assert (answer.status_code, answer.content) == (
            401,
            b'{"code":"unauthenticated","detail":"Valid credentials are required."}',
        )
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert not Owner.objects.exists()

    @pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Token x", "Bearer ключ", "x" * 9_000])
    def test_so_do_other_schemes(self, value: str) -> None:
        answer = Browser(extra={"Authorization": value}).get("/runs")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


class TestGoodTokens:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"iat": -340, "exp": -50},
            {"iat": 50, "exp": 300},
            {"nbf": 50},
            {"sub": "a" * 255},
            {"sub": "Zoë 🦉"},
            {"jti": ...},
        ],
        ids=["plain", "expired within the skew", "born within the skew", "soon", "long", "any text", "no jti"],
    )
    def test_are_let_in(self, changes: dict[str, Any]) -> None:
        tenant = make_tenant()
        # Times are told as seconds from the moment the test runs.
        changes = {name: now(value) if isinstance(value, int) else value for name, value in changes.items()}
        assert Browser(token=signed(tenant, **changes)).get("/runs").status_code == 200

    def test_of_two_secrets_both_work_and_a_third_is_refused(self) -> None:
        tenant = make_tenant()
        second = tenancy.add_secret(app=tenant.app, at=timezone.now(), actor="test")
        for secret in (tenant.secret, second):
            token = issue_user_token(secret, "anna", app_key=tenant.key)
            assert Browser(token=token).get("/runs").status_code == 200
        with pytest.raises(tenancy.TooManySecrets):
            tenancy.add_secret(app=tenant.app, at=timezone.now(), actor="test")

    def test_of_one_user_are_one_owner_and_of_two_apps_two(self) -> None:
        one, other = make_tenant(), make_tenant()
        for tenant in (one, one, other):
            Browser(token=issue_user_token(tenant.secret, "anna", app_key=tenant.key)).get("/runs")
        assert Owner.objects.filter(subject="anna").count() == 2

    def test_an_account_cannot_take_a_guests_name(self) -> None:
        tenant = make_tenant()
        guest(tenant).get("/runs")
        subject = Owner.objects.get().subject
        Browser(token=issue_user_token(tenant.secret, subject, app_key=tenant.key)).get("/runs")
        assert Owner.objects.filter(subject=subject).count() == 2

    def test_the_helper_does_not_sign_for_longer_than_is_accepted(self) -> None:
        tenant = make_tenant()
        with pytest.raises(ValueError, match="900"):
            issue_user_token(tenant.secret, "anna", app_key=tenant.key, lifetime=901)


class TestGuests:
    def test_come_back_as_the_same_owner(self) -> None:
        tenant, same = make_tenant(), guest_id()
        first, second = (Browser().post("/sessions", {"app_key": tenant.key, "guest": same}).json() for _ in range(2))
        other = Browser().post("/sessions", {"app_key": tenant.key, "guest": guest_id()}).json()
        assert first["owner"] == second["owner"] != other["owner"]

    def test_are_kept_under_a_hash(self) -> None:
        tenant, secret = make_tenant(), guest_id()
        Browser().post("/sessions", {"app_key": tenant.key, "guest": secret})
        assert secret not in Owner.objects.get().subject

    @pytest.mark.parametrize("key", ["pk_nobody", "", "sk_secret", "pk_" + "x" * 60, "pk_ключ"])
    def test_of_no_app_are_unauthenticated(self, key: str) -> None:
        assert Browser().post("/sessions", {"app_key": key, "guest": guest_id()}).status_code == 401

    @pytest.mark.parametrize("name", ["", "a" * 42, "a" * 44, "=" * 43, "a" * 42 + "b", "a" * 42 + "\x00"])
    def test_need_a_proper_random_id(self, name: str) -> None:
        assert Browser().post("/sessions", {"app_key": make_tenant().key, "guest": name}).status_code in (422, 400)

    def test_lose_their_tokens_when_the_app_takes_no_more_guests(self) -> None:
        tenant = make_tenant()
        browser = guest(tenant)
        tenant.app.guests_allowed = False
        tenant.app.save()
        assert browser.get("/runs").json()["code"] == "guests_not_allowed"

    def test_tokens_end_after_fifteen_minutes(self) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        token, expires = tokens.issue_guest_token(owner_id=uuid4(), app_key="pk_x", at=at)
        peeked = tokens.peek(token)
        assert expires == int((at + timedelta(minutes=15)).timestamp())
        key, issuer = tokens.guest_key(), tokens.GUEST_ISSUER
        tokens.verify(peeked, key=key, issuer=issuer, at=at + timedelta(minutes=15, seconds=59))
        with pytest.raises(tokens.Unauthenticated):
            tokens.verify(peeked, key=key, issuer=issuer, at=at + timedelta(minutes=16))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_sixteen_first_requests_make_one_owner_and_one_device(self) -> None:
        tenant = make_tenant()
        token, device = issue_user_token(tenant.secret, "anna", app_key=tenant.key), str(uuid4())
        answers = at_once(16, lambda _: Browser(token=token, device=device).get("/runs").status_code)
        assert set(answers) == {200}
        assert (Owner.objects.count(), Device.objects.count()) == (1, 1)
