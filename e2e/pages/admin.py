"""The operator's pages."""

import re

from playwright.sync_api import Error, Page, expect


class AdminPage:
    """Django's admin with our views in it."""

    def __init__(self, page: Page, url: str, password: str) -> None:
        self.page = page
        self._url = url
        self._password = password

    def sign_in(self) -> "AdminPage":
        """Sign in as the seeded administrator."""
        self.page.goto(f"{self._url}/admin/")
        self.page.get_by_label("Username").fill("admin")
        self.page.get_by_label("Password").fill(self._password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", name="Dashboard")).to_be_visible(timeout=30_000)
        return self

    def open_run(self, run_id: str) -> None:
        """Find a run in the list and open it."""
        self._go(f"{self._url}/admin/migration/migrationrun/")
        self.page.get_by_role("link", name=run_id[:8]).first.click()
        expect(self.page.get_by_role("heading", name=re.compile(run_id[:8])).first).to_be_visible()

    def _go(self, address: str) -> None:
        """Go somewhere. The page that is left may just load itself again, which breaks that off: then once more."""
        try:
            self.page.goto(address)
        except Error as error:
            if not re.search("interrupted|NS_BINDING_ABORTED", str(error)):
                raise
            self.page.wait_for_load_state("load")
            self.page.goto(address)

    def steer(self, verb: str) -> None:
        """Press a run's verb. Its page follows the run, so it may load itself again before the answer is there."""
        self.page.get_by_role("button", name=verb, exact=True).click()

    def shows_state(self, state: str) -> None:
        """Wait until the badges beside the run's id say so; the page follows the run by itself."""
        badge = self.page.locator(".m-head").get_by_text(state, exact=True)
        expect(badge).to_be_visible(timeout=30_000)

    def timeline_says(self, kind: str, told: str) -> None:
        """Wait until the timeline has such a line."""
        line = self.page.get_by_role("row").filter(has=self.page.get_by_role("cell", name=kind, exact=True))
        expect(line.filter(has_text=told).first).to_be_visible(timeout=30_000)

    def can_reach_the_search(self) -> bool:
        """Whether a list's search stands within the window's width: what is beside it may be wide."""
        box, window = self.page.locator("#searchbar").bounding_box(), self.page.viewport_size
        assert box is not None
        assert window is not None
        return box["x"] + box["width"] <= window["width"]

    def ask_to_roll_back(self) -> None:
        """Follow the link to the preview."""
        self.page.get_by_role("link", name=re.compile("^Roll back")).click()
        expect(self.page.get_by_role("heading", name="What would happen")).to_be_visible()

    def go_back(self, owner_id: str, *, to: int, collection: str = "") -> None:
        """Take an owner, or one of its collections, back to a revision, the word typed."""
        part = f"&collection={collection}" if collection else ""
        self.page.goto(f"{self._url}/admin/migration/owner/{owner_id}/rollback/?to={to}{part}")
        self.page.get_by_label(re.compile("^Type ")).fill(self.word_to_type())
        self.press("Go back")

    def name_where_all_stand(self, app_id: str) -> str:
        """Make a point of a whole app; returns where it is shown."""
        self.page.goto(f"{self._url}/admin/migration/apppoint/of/{app_id}/")
        self.page.get_by_label("Name").fill("noon")
        self.press("Make the point")
        return self.page.url

    def take_everybody_back(self, point: str) -> None:
        """Take the app of a point back to it, the word typed."""
        self.page.goto(point)
        self.page.get_by_role("link", name=re.compile("^Take the app back")).click()
        self.page.get_by_label(re.compile("^Type ")).fill(self.word_to_type())
        self.press("Take everybody back")

    def change_stage(self, app_id: str, action: str, *, collection: str = "", share: float | None = None) -> None:
        """Change where an app's collection stands (all that have no line of their own unless named), the word typed."""
        address = f"{self._url}/admin/migration/stagechange/of/{app_id}/{action}/"
        self._go(f"{address}?collection={collection}" if collection else address)
        if share is not None:
            # By script: what Playwright types into a field for numbers, Firefox does not always take for one.
            field = self.page.get_by_label("Share of the owners")
            field.evaluate("(field, share) => { field.value = share; }", f"{share:g}")
        # Asked for where gates do not hold.
        self.page.get_by_label("Why", exact=True).fill("the specs want it")
        self.page.get_by_label(re.compile("^Type ")).fill(self.word_to_type())
        self.page.locator(".m-confirm").get_by_role("button").click()
        self.says("Open pages are told under epoch")
        # Whoever goes on while it loads breaks off its fonts, and Firefox complains of them.
        self.page.wait_for_load_state("load")

    def undo_rollback(self, run_id: str) -> None:
        """Take back what took a run back, the word typed."""
        self.open_run(run_id)
        self.page.get_by_role("link", name="Undo…").click()
        self.page.get_by_label(re.compile("^Type ")).fill(self.word_to_type())
        self.press("Undo")

    def put_on(self, owner_id: str) -> None:
        """Let an owner write again whom a rollback took off."""
        self.page.goto(f"{self._url}/admin/migration/owner/{owner_id}/change/")
        self.press("Put on again")

    def reveal(self) -> None:
        """Ask for the value; it is shown with what that means."""
        self.page.get_by_role("button", name="Reveal").first.click()
        expect(self.page.get_by_text("That you looked stands in the audit log")).to_be_visible()

    def press(self, name: str) -> None:
        """Press the one button whose name begins so, and wait for the page it leads to."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=re.compile(f"^{name}")).click()

    def open_conflict(self, conflict: int) -> None:
        """Find a conflict in the list and open it."""
        self.page.goto(f"{self._url}/admin/migration/conflict/")
        self.page.get_by_role("link", name=str(conflict), exact=True).first.click()
        expect(self.page.get_by_role("heading", name=f"Conflict {conflict}").first).to_be_visible()

    def sides(self) -> dict[str, str]:
        """Return the revealed values by what stands above them."""
        card = self.page.locator("section").filter(has=self.page.get_by_role("heading", name="Values", exact=True))
        titles = card.get_by_role("heading", level=3).all_inner_texts()
        return dict(zip(titles, card.locator("pre").all_inner_texts(), strict=True))

    def lets_stand(self, value: str) -> None:
        """Decide by a value of the operator's own."""
        self.page.get_by_label("Or a value of your own").fill(value)
        self.press("Let this stand")

    def downloads(self, name: str) -> str:
        """Press a button and return the name of the file it brings."""
        with self.page.expect_download() as coming:
            self.page.get_by_role("button", name=name, exact=True).click()
        return coming.value.suggested_filename

    def confirm(self, word: str) -> None:
        """Type the word that says it is meant, and press the button."""
        self.page.get_by_label(re.compile("^Type ")).fill(word)
        self.page.get_by_role("button", name=re.compile("^Roll back")).click()

    def word_to_type(self) -> str:
        """Return the word that has to be typed."""
        return self.page.get_by_text(re.compile("^Type ")).locator("code").inner_text()

    def says(self, text: str) -> None:
        """Wait until these words are on the page."""
        expect(self.page.get_by_text(re.compile(text)).first).to_be_visible(timeout=30_000)
