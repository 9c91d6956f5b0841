"""Takes the README's pictures: `python -m e2e.take_screenshots`. They are committed; no test takes them."""

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from e2e import browsers
from e2e.gate import Gate
from e2e.material import bulky
from e2e.pages import AdminPage, DemoPage
from e2e.waiting import until
from syncserver.stack import Stack

FOLDER = Path(__file__).parent / "screenshots"
LARGEST = 150_000
WIDTH, HEIGHT = 1180, 760


def main() -> None:
    """Start a stack, walk the main road, and keep what is to be seen."""
    FOLDER.mkdir(exist_ok=True)
    with Stack() as stack, sync_playwright() as playwright:
        browser = browsers.launch(playwright, "chromium")
        run_id = _demo(browser, stack)
        _admin(browser, stack, run_id)
        browser.close()


def _demo(browser: Browser, stack: Stack) -> str:
    context = _context(browser, "light")
    demo = DemoPage(context.new_page(), stack.url).open()
    demo.fill()
    demo.panel.shows_offer()
    _keep(demo.page, "demo")
    _moving(browser, stack)
    demo.panel.move()
    demo.panel.shows_receipt()
    _keep(demo.page, "demo-receipt")
    _phone(browser, stack)
    return demo.panel.run_id()


def _moving(browser: Browser, stack: Stack) -> None:
    context = _context(browser, "dark")
    gate = Gate(context, passing=4)
    demo = DemoPage(context.new_page(), stack.url).open()
    demo.storage.write(bulky())
    demo.fill()
    demo.panel.shows_offer()
    demo.panel.move()
    until(demo.page, lambda: gate.held == 2)
    until(demo.page, lambda: demo.panel.percentage() > 40)
    _keep(demo.page, "demo-moving-dark")
    gate.open()
    demo.panel.shows_receipt()


def _phone(browser: Browser, stack: Stack) -> None:
    context = _context(browser, "light", width=390, height=HEIGHT)
    demo = DemoPage(context.new_page(), stack.url).open()
    demo.fill()
    demo.panel.shows_offer()
    _keep(demo.page, "demo-phone")


def _admin(browser: Browser, stack: Stack, run_id: str) -> None:
    context = _context(browser, "light")
    admin = AdminPage(context.new_page(), stack.url, stack.admin_password).sign_in()
    # The sweeper has folded what just happened.
    expect(admin.page.locator(".m-tiles")).to_be_visible()
    until(admin.page, lambda: admin.page.reload() and admin.page.get_by_text("completed").count())
    _keep(admin.page, "admin")
    admin.open_run(run_id)
    _keep(admin.page, "admin-run")
    admin.ask_to_roll_back()
    _keep(admin.page, "admin-rollback")


def _context(browser: Browser, scheme: str, *, width: int = WIDTH, height: int = HEIGHT) -> BrowserContext:
    return browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]


def _keep(page: Page, name: str) -> None:
    path = FOLDER / f"{name}.png"
    expect(page.locator("body")).to_be_visible()
    page.screenshot(path=path, caret="initial", animations="allow")
    size = path.stat().st_size
    print(f"{path.name}: {size // 1000} kB")
    if size > LARGEST:
        raise SystemExit(f"{path.name} is larger than {LARGEST} bytes")


if __name__ == "__main__":
    main()
