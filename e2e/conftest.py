"""One stack for the session, one browser per engine, one fresh profile per test."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from e2e import browsers
from e2e.console import Console
from e2e.host import serving
from e2e.ledger import Ledger
from e2e.pages import AccountPage, AdminPage, DemoPage
from e2e.tenant import Backend, Tenant, make_tenant
from e2e.watch import Watch
from e2e.writer import OPTIONS, Writer
from syncserver.stack import Stack, processes
from syncserver.stack.supervisor import DidNotStart

# Seconds in which a process answers again after whatever a test did to it, on a machine with much else to do.
ANSWERS_WITHIN = 60.0
RESULTS = Path(__file__).parent.parent / "test-results"
# As patient as Playwright's other waits: its assertions give up after five seconds by default.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Daphne, two workers and the sweeper as processes, on real Postgres and Redis."""
    given = {"database_url": os.environ.get("DATABASE_URL"), "redis_url": os.environ.get("REDIS_URL")}
    # Every test is a guest of its own from one address.
    many = ("GUEST_SESSIONS_PER_MINUTE", "GUEST_REQUESTS_PER_MINUTE", "REQUESTS_PER_MINUTE")
    env = {f"MIGRATION_{name}": "100000" for name in many}
    env["PYTHONFAULTHANDLER"] = "1"
    with Stack(**given, env=env) as running:
        yield running


@pytest.fixture(autouse=True)
def _all_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test stopped or killed is up again before the next."""
    yield
    if "stack" in request.fixturenames:
        running: Stack = request.getfixturevalue("stack")
        for name, child in running.processes.items():
            if not child.wanted:
                running.start(name)
            _see_up(running, name)


def _see_up(running: Stack, name: str) -> None:
    """Wait until a process answers. One that runs and does not has its stack written to its log, and starts anew."""
    try:
        running.wait_ready(name, seconds=ANSWERS_WITHIN)
    except DidNotStart:
        child = running.processes[name]
        if child.running:
            running.kill(name, signal.SIGABRT)
            # A frozen process hears nothing until it goes on.
            running.kill(name, signal.SIGCONT)
        running.wait_ready(name, seconds=ANSWERS_WITHIN)
        pytest.fail(f"{name} had stopped answering:\n{processes.tail(child.program.log, lines=150)}")


@pytest.fixture
def ledger(stack: Stack) -> Ledger:
    """What Postgres holds."""
    return Ledger(stack.database_url)


@pytest.fixture(scope="session")
def automation() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def engines(automation: Playwright) -> Iterator[Callable[[str], Browser]]:
    """Browsers by name, each started when first asked for."""
    running: dict[str, Browser] = {}

    def browser(name: str) -> Browser:
        if name not in running:
            running[name] = browsers.launch(automation, name)
        return running[name]

    yield browser
    for one in running.values():
        one.close()


@pytest.fixture(params=browsers.ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Which browser; a test that names one itself gets that one alone."""
    return str(request.param)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Ears on every page of the test. In the end nobody may have complained."""
    ears = Watch()
    yield ears
    assert not ears.complaints, "\n".join(ears.complaints)


@dataclass
class Profile:
    """A browser profile: its own storage, its own guest."""

    context: BrowserContext
    url: str
    watch: Watch
    pages: list[Page] = field(default_factory=list)

    def page(self) -> Page:
        """Open a tab."""
        page = self.context.new_page()
        self.watch.over(page)
        self.pages.append(page)
        return page

    def demo(self) -> DemoPage:
        """Open a tab with the demo."""
        return DemoPage(self.page(), self.url).open()


@pytest.fixture
def new_profile(
    engines: Callable[[str], Browser], engine: str, stack: Stack, watch: Watch, request: pytest.FixtureRequest
) -> Iterator[Callable[[], Profile]]:
    """Make fresh profiles; what their tabs showed is kept when the test fails."""
    made: list[Profile] = []

    def profile(**options: Any) -> Profile:
        context = engines(engine).new_context(viewport={"width": 1180, "height": 900}, **options)
        made.append(Profile(context=context, url=stack.url, watch=watch))
        return made[-1]

    yield profile
    for one in made:
        if getattr(request.node, "failed", False):
            _keep_pictures(one, request.node.name)
        one.context.close()


@pytest.fixture
def profile(new_profile: Callable[[], Profile]) -> Profile:
    """A fresh profile."""
    return new_profile()


@pytest.fixture
def demo(profile: Profile) -> DemoPage:
    """The demo in a fresh profile."""
    return profile.demo()


@pytest.fixture(scope="session")
def operators() -> dict[str, BrowserContext]:
    """The operator's profiles by browser, signed in: that takes a second of hashing on purpose, and styles stay."""
    return {}


@pytest.fixture
def operators_engine() -> str:
    """The operator's browser, whichever the user's is: the admin costs Firefox three times what it costs Chromium.

    A module whose subject is the admin itself says `engine` instead.
    """
    return "chromium"


@pytest.fixture
def admin(
    engines: Callable[[str], Browser],
    operators_engine: str,
    stack: Stack,
    watch: Watch,
    operators: dict[str, BrowserContext],
) -> Iterator[AdminPage]:
    """An operator at the admin, in a browser profile of their own."""
    engine = operators_engine
    context = operators.get(engine) or engines(engine).new_context(viewport={"width": 1180, "height": 900})
    page = context.new_page()
    watch.over(page)
    pages = AdminPage(page, stack.url, stack.admin_password)
    if engine not in operators:
        pages.sign_in()
        operators[engine] = context
    yield pages
    page.close()


@pytest.fixture(scope="session")
def console(stack: Stack) -> Iterator[Console]:
    """A process with Django, for what has to be done behind the server's doors."""
    one = Console(stack)
    yield one
    one.close()


@pytest.fixture(scope="session")
def tenant(console: Console, stack: Stack) -> Iterator[Tenant]:
    """An app whose pages come from an origin of their own."""
    with serving() as origin:
        yield make_tenant(console, stack, origin=origin)


@pytest.fixture
def backend(tenant: Tenant) -> Backend:
    """That app's own server, with a user of this test's own."""
    return Backend(tenant)


@pytest.fixture
def account(tenant: Tenant, backend: Backend, stack: Stack) -> Callable[..., AccountPage]:
    """Make tabs of a profile in which that user is signed in; they have not gone anywhere yet."""

    def page(profile: Profile, **options: Any) -> AccountPage:
        given = {"url": stack.url, "appKey": tenant.key, **options}
        return AccountPage(profile.page(), tenant.origin, provider=backend.provide, options=given)

    return page


@pytest.fixture
def writer(account: Callable[..., AccountPage]) -> Callable[..., Writer]:
    """Make tabs of a profile in which dual write is on; `before` is written before the SDK is there."""

    def made(profile: Profile, *, before: dict[str, str] | None = None, **options: Any) -> Writer:
        tab = account(profile, **{**OPTIONS, **options}).prepare()
        if before:
            tab.storage.write(before)
        tab.open()
        return Writer(tab).install()

    return made


@pytest.fixture
def records(ledger: Ledger, backend: Backend) -> Callable[[], dict[str, str]]:
    """Read what the server holds of the test's own user."""
    return lambda: ledger.records(ledger.owner_of_account(backend.user))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Tell the fixtures whether the test failed."""
    report = yield
    if report.when == "call":
        item.failed = report.failed  # type: ignore[attr-defined]
    return report


def _keep_pictures(profile: Profile, name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = re.sub(r"[^\w-]+", "_", name)
    for number, page in enumerate(profile.pages):
        if not page.is_closed():
            # The caret as it is: hiding it takes a style element, which the demo's policy refuses.
            page.screenshot(path=RESULTS / f"{stem}-{number}.png", caret="initial")


__all__ = ["Profile"]
