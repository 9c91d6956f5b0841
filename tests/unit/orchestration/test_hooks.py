"""Hooks that may veto an advance: asked with a signature, in time, and no answer is a veto."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from migration.orchestration.hooks import MOST_BYTES, Question, vetoes

QUESTION = Question(
    "pk_demo", "notes", "shadow", 0, "ramp", 100, "sweeper", "Gates hold.", {"gates": [{"name": "diff"}]}, 1_790_000_000
)
ALLOW = json.dumps({"allow": True}).encode()


class Hook:
    """A real HTTP server that answers as it is told and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer, self.status, self.wait, self.location = ALLOW, 200, 0.0, ""
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.asked.append((self.path, dict(self.headers), body))
                time.sleep(hook.wait)
                self.send_response(hook.status)
                if hook.location:
                    self.send_header("Location", hook.location)
                self.send_header("Content-Length", str(len(hook.answer)))
                self.end_headers()
                self.wfile.write(hook.answer)

            do_GET = do_POST  # noqa: N815 - the library's name

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/may-we"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def hook(settings: Any) -> Iterator[Hook]:
    made = Hook()
    given = {"ADVANCE_WEBHOOK": made.url, "ADVANCE_WEBHOOK_SECRET": "s3cret", "ADVANCE_HOOK_SECONDS": "5"}
    settings.MIGRATION = {**settings.MIGRATION, **given}
    yield made
    made.server.shutdown()
    made.server.server_close()


def refuse_all(question: Question) -> str:
    return f"Not {question.to_stage} on a Friday."


def allow_all(_: Question) -> None:
    return None


def fail(_: Question) -> None:
    raise RuntimeError("a secret word")


def hang(_: Question) -> None:
    time.sleep(3)


class TestAWebhook:
    def test_is_asked_with_a_signature_over_time_and_body(self, hook: Hook) -> None:
        assert vetoes(QUESTION) == []
        ((_, headers, body),) = hook.asked
        asked = json.loads(body)
        assert (asked["app"], asked["collection"], asked["to_stage"], asked["to_percentage"]) == (
            *("pk_demo", "notes", "ramp"),
            100,
        )
        assert asked["figures"]["gates"][0]["name"] == "diff"
        signed = hmac.new(b"s3cret", headers["Migration-Timestamp"].encode() + b"." + body, hashlib.sha256)
        assert headers["Migration-Signature"] == f"v1={signed.hexdigest()}"

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (b'{"allow": false, "reason": "Freeze\\u202e <b>"}', "The webhook says no: Freeze\\u202e <b>"),
            (b'{"allow": "yes"}', "The webhook says no: it refused without a reason"),
            (b"[true]", "The webhook says no: it refused without a reason"),
            (b"yes", "The webhook says no: its answer is not JSON"),
            (b"[" * 10_000, "The webhook says no: its answer is not JSON"),
            (b" " * (MOST_BYTES + 1), "The webhook says no: its answer is too long"),
        ],
        ids=["refused", "not true", "no object", "no JSON", "deep", "long"],
    )
    def test_that_does_not_say_yes_says_no(self, hook: Hook, answer: bytes, why: str) -> None:
        hook.answer = answer
        assert vetoes(QUESTION) == [why]

    @pytest.mark.parametrize("status", [201, 204, 404, 500])
    def test_that_answers_anything_but_200_says_no(self, hook: Hook, status: int) -> None:
        hook.status, hook.answer = status, b"" if status == 204 else ALLOW
        assert vetoes(QUESTION) == [f"The webhook says no: it answered {status}"]

    def test_is_not_followed_elsewhere(self, hook: Hook) -> None:
        hook.status, hook.location = 302, f"{hook.url}/elsewhere"
        assert vetoes(QUESTION) == ["The webhook says no: it answered 302"]
        assert [path for path, _, _ in hook.asked] == ["/may-we"]

    def test_that_is_slow_says_no(self, hook: Hook, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "ADVANCE_HOOK_SECONDS": "0.2"}
        hook.wait = 1.0
        (said,) = vetoes(QUESTION)
        assert said in (
            "The webhook says no: it did not answer in time",
            "The webhook says no: it failed with ReadTimeoutError",
        )

    def test_that_is_not_there_says_no(self, hook: Hook) -> None:
        hook.server.shutdown()
        hook.server.server_close()
        (said,) = vetoes(QUESTION)
        assert said.startswith("The webhook says no: it failed with ")

    def test_without_a_secret_says_no(self, hook: Hook, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "ADVANCE_WEBHOOK_SECRET": ""}
        assert vetoes(QUESTION) == ["The webhook says no: MIGRATION_ADVANCE_WEBHOOK_SECRET is not set"]
        assert hook.asked == []

    def test_is_reached_over_http_only(self, hook: Hook, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "ADVANCE_WEBHOOK": "file:///etc/passwd"}
        assert vetoes(QUESTION) == ["The webhook says no: its address is neither http nor https"]


class TestACallable:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("allow_all", []),
            ("refuse_all", ["The hook says no: Not ramp on a Friday."]),
            ("fail", ["The hook says no: it failed with RuntimeError"]),
            ("nowhere", ["The hook says no: it failed with ImportError"]),
            ("hang", ["The hook says no: it did not answer in time"]),
        ],
    )
    def test_lets_on_or_says_why_not(self, settings: Any, name: str, said: list[str]) -> None:
        given = {"ADVANCE_HOOK": f"{__name__}.{name}", "ADVANCE_HOOK_SECONDS": "0.5" if name == "hang" else "60"}
        settings.MIGRATION = {**settings.MIGRATION, **given}
        assert vetoes(QUESTION) == said


def test_without_hooks_nobody_says_no() -> None:
    assert vetoes(QUESTION) == []
