"""One page for every code: it says what happened, what the SDK does and what to do, and answers lead to it."""

import re

import pytest

from migration.api import guide, problems
from migration.models import App
from tests.factories.codes import codes_of_the_sdk, codes_of_the_server, reasons_of_the_sdk
from tests.factories.doors import Browser

pytestmark = pytest.mark.django_db

SECTIONS = ("**When.** ", "**What the SDK does.** ", "**What to do.** ")


def codes_in_the_code() -> set[str]:
    return codes_of_the_server() | codes_of_the_sdk()


class TestPages:
    def test_are_one_for_each_code(self) -> None:
        assert codes_in_the_code() - set(guide.codes()) == set()

    def test_are_of_codes_found_wherever_one_can_be_said(self) -> None:
        one_of_each_kind = {
            *("stale_epoch", "not_acceptable", "schema_invalid"),  # an answer, a framework's, a class only people meet
            *("entry_too_large", "schema_mismatch", "poison"),  # refused entries
            *("entry_refused", "verification_mismatch", "rollback_failed"),  # errors of a run
            *(
                "already_rolled_back",
                "not_done",
                "history_pruned",
                "digest_mismatch",
            ),  # reasons, findings about a backup
            *("claimed_by_other", "engine_unavailable", "too_large", "empty"),  # the SDK throws, refuses, plans
            *("network", "not_configured", "http_status", "expired"),  # makes an answer up, ends
        }
        assert one_of_each_kind - codes_in_the_code() == set()

    def test_are_of_no_code_that_is_never_said(self) -> None:
        assert set(guide.codes()) - codes_in_the_code() == set()

    def test_of_what_is_unsupported_names_every_reason(self) -> None:
        page = (guide.PAGES / "unsupported.md").read_text()
        assert [reason for reason in sorted(reasons_of_the_sdk()) if f"`{reason}`" not in page] == []

    @pytest.mark.parametrize("code", guide.codes())
    def test_say_when_it_comes_and_what_to_do(self, code: str) -> None:
        title, first, *sections = (guide.PAGES / f"{code}.md").read_text().strip().split("\n\n")
        assert title == f"# `{code}`"
        assert [section.startswith(begin) for section, begin in zip(sections, SECTIONS, strict=True)] == [True] * 3
        status = problems.STATUSES.get(code)
        assert first.startswith(f"Answered with {status}") == (status is not None)

    @pytest.mark.parametrize("code", guide.codes())
    def test_are_shown_by_the_server_without_a_script(self, code: str) -> None:
        answer = Browser().get(f"/docs/errors/{code}")
        page = answer.content.decode()
        assert answer.status_code == 200
        assert f"<h1><code>{code}</code></h1>" in page
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "<script" not in page
        assert re.findall(r'(?:src|href)="(?!/api/)[^"]*"', page) == []

    def test_are_listed(self) -> None:
        page = Browser().get("/docs/errors").content.decode()
        assert [code for code in guide.codes() if f'href="{guide.ADDRESS}/{code}"' not in page] == []

    @pytest.mark.parametrize("code", ["nonsense", "..%2f..%2f__init__", "-", "stale_epoch.md"])
    def test_of_no_code_is_a_404(self, code: str) -> None:
        answer = Browser().get(f"/docs/errors/{code}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestAnswers:
    def test_lead_to_the_page_of_their_code(self) -> None:
        link = Browser().get("/runs").headers["Link"]
        assert link == f'<{guide.ADDRESS}/unauthenticated>; rel="help"'
        assert App.objects.count() == 0
        assert Browser().client.get(f"{guide.ADDRESS}/unauthenticated").status_code == 200
