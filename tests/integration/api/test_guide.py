"""One page for every code: it says what happened, what the SDK does and what to do, and answers lead to it."""

import re
from pathlib import Path

import pytest

from migration.api import guide, problems
from migration.models import App
from tests.factories.doors import Browser

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[3]
NEVER_SHOWN = {"bad_input", "refused", "lease_lost"}
"""Roots of the error tree, and what one worker tells itself."""
SECTIONS = ("**When.** ", "**What the SDK does.** ", "**What to do.** ")


def codes_in_the_code() -> set[str]:
    """Every code an answer, a quarantined entry, a failed run or the SDK can show, as the sources spell them."""
    python = "\n".join(path.read_text() for path in (ROOT / "migration").rglob("*.py"))
    script = "\n".join(path.read_text() for path in (ROOT / "frontend_sdk" / "src").rglob("*.ts"))
    refusals = set(re.findall(r'Refusal\(\s*ordinal,\s*"([a-z_]+)"', python))
    assert {"entry_too_large", "type_mismatch"} <= refusals
    thrown = set(re.findall(r'problem\("([a-z_]+)"', script))
    assert {"unsupported", "claimed_by_other"} <= thrown
    classes = set(re.findall(r'^    code(?:: ClassVar\[str\])? = "([a-z_]+)"', python, re.MULTILINE))
    failures = set(re.findall(r'failure_code="([a-z_]+)"', python))
    return (
        set(problems.STATUSES)
        | (classes - NEVER_SHOWN)
        | refusals
        | thrown
        | failures
        | {"poison", "network", "http_status", "internal"}
    )


class TestPages:
    def test_are_one_for_each_code(self) -> None:
        assert codes_in_the_code() - set(guide.codes()) == set()

    def test_are_of_no_code_that_is_never_said(self) -> None:
        everything = "\n".join(
            path.read_text()
            for folder in ("migration", "frontend_sdk/src")
            for path in (ROOT / folder).rglob("*.[pt][ys]")
        )
        assert [code for code in guide.codes() if f'"{code}"' not in everything and code != "http_status"] == []

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
