"""Which pages may read the answers: exactly those the app lists, scheme, host and port."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from migration.api.cors import KnownOrigins
from migration.orchestration.tenancy import OriginInvalid, normal_origin
from tests.factories.doors import ORIGIN, Browser, account, make_tenant
from tests.factories.uploads import chunk_of, todos

pytestmark = pytest.mark.django_db
ALLOW = "Access-Control-Allow-Origin"

LOOKALIKES = [
    "null",
    "https://app.example.",
    "https://app.example:443",
    "https://app.example:8443",
    "https://app.example/",
    "https://app.example/path",
    "http://app.example",
    "https://APP.example",
    "HTTPS://app.example",
    "https://www.app.example",
    "https://evil-app.example",
    "https://app.example.evil.example",
    "https://app.exampl",
    "https://app.example@evil.example",
    "https://evil.example?https://app.example",
    "https://evil.example#https://app.example",
    "https://xn--app-example.example",
    "https://\u0430pp.example".encode().decode("latin-1"),
    "https://app.example https://evil.example",
    "https://app.example,https://evil.example",
    "*",
    "https://*.example",
    "app.example",
    "file://",
    "https://",
    "https://[::1",
    "",
]


RUN = "/runs/11111111-2222-4333-8444-555555555555"
ASKED = (
    "/runs",
    f"{RUN}/chunks/11111111-2222-4333-8444-555555555555",
    f"{RUN}/seal",
    "/tickets",
    "/sessions",
    "/config",
)


def preflight(origin: str, path: str = RUN) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    return Browser(extra=headers, device=None).client.options(f"/api/v1{path}", headers=headers)


class TestALookalike:
    @pytest.mark.parametrize("origin", LOOKALIKES)
    def test_may_not_read_anything(self, origin: str) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        assert not [path for path in ASKED if ALLOW in preflight(origin, path).headers]
        for answer in (
            browser.get("/runs", Origin=origin),
            browser.post("/runs", {}, Origin=origin),
            browser.put("11111111-2222-4333-8444-555555555555", chunk_of(todos(1)), Origin=origin),
            browser.post("/tickets", {}, Origin=origin),
            Browser().get("/config", Origin=origin, **{"Migration-App": tenant.key}),
            Browser().post("/sessions", {"app_key": tenant.key, "guest": "A" * 43}, Origin=origin),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
            assert ALLOW not in answer.headers


class TestTheFirst:
    @pytest.mark.django_db(transaction=True)
    def test_who_come_together_are_all_known(self) -> None:
        """A page's second request is not refused because its first one is still looking."""
        make_tenant()
        known = KnownOrigins()

        def slowly(execute: Any, *arguments: Any) -> Any:
            time.sleep(0.2)
            return execute(*arguments)

        def come(_: int) -> bool:
            with connection.execute_wrapper(slowly):
                if known.is_old(ORIGIN):
                    known.renew_elsewhere(ORIGIN)
            return ORIGIN in known

        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(come, range(6)))


class TestAListedOrigin:
    def test_may_read_answers_and_errors(self) -> None:
        browser = account(make_tenant())
        for answer in (browser.get("/runs", Origin=ORIGIN), browser.get("/runs/x", Origin=ORIGIN)):
            assert answer.headers[ALLOW] == ORIGIN
            assert "origin" in answer.headers["Vary"].lower()
            assert "Access-Control-Allow-Credentials" not in answer.headers

    def test_is_told_in_the_preflight_what_it_may_send(self) -> None:
        make_tenant()
        answer = preflight(ORIGIN)
        assert answer.headers[ALLOW] == ORIGIN
        sendable = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
        assert sendable >= {"authorization", "content-type", "content-encoding", "migration-device", "migration-sha256"}
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]

    def test_may_read_the_headers_the_sdk_needs(self) -> None:
        exposed = account(make_tenant()).get("/runs", Origin=ORIGIN).headers["Access-Control-Expose-Headers"]
        assert {"migration-epoch", "retry-after", "etag"} <= set(exposed.split(", "))

    def test_of_another_app_may_ask_but_not_read(self) -> None:
        other = "https://other.example"
        make_tenant(origins=[other])
        answer = account(make_tenant()).get("/runs", Origin=other)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
        assert ALLOW not in answer.headers

    def test_of_an_app_that_is_off_may_read_that_it_is(self) -> None:
        browser = account(make_tenant(is_active=False))
        assert preflight(ORIGIN).headers[ALLOW] == ORIGIN
        answer = browser.get("/runs", Origin=ORIGIN)
        assert (answer.status_code, answer.json()["code"]) == (403, "app_disabled")
        assert answer.headers[ALLOW] == ORIGIN

    def test_may_have_a_port_or_be_an_address(self) -> None:
        for origin in ("http://localhost:8000", "http://127.0.0.1:5173", "http://[::1]:8000"):
            assert account(make_tenant(origins=[origin])).get("/runs", Origin=origin).headers[ALLOW] == origin

    def test_is_not_needed_by_what_is_no_page(self) -> None:
        answer = account(make_tenant()).get("/runs")
        assert answer.status_code == 200
        assert ALLOW not in answer.headers


class TestListing:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("https://App.Example", "https://app.example"),
            ("https://app.example:443", "https://app.example"),
            ("http://app.example:80", "http://app.example"),
            (" http://app.example:8080 ", "http://app.example:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ],
    )
    def test_keeps_origins_as_browsers_write_them(self, given: str, kept: str) -> None:
        assert normal_origin(given) == kept

    @pytest.mark.parametrize(
        "given",
        [
            *("null", "*", "https://*.example", "app.example", "https://", "https://app.example/", "ftp://app.example"),
            *(
                "https://u@app.example",
                "https://app.example?x",
                "https://app.example:x",
                "https://a b",
                "https://\u0430pp.example",
            ),
            *("https://app.example:99999", "javascript:alert(1)", ""),
        ],
    )
    def test_refuses_what_is_no_origin(self, given: str) -> None:
        with pytest.raises(OriginInvalid):
            normal_origin(given)
