"""Page objects: what a person can do and see on a page, in that person's words."""

from e2e.pages.account import AccountPage
from e2e.pages.admin import AdminPage
from e2e.pages.demo import DemoPage
from e2e.pages.panel import PanelPage
from e2e.pages.storage import LocalStorage

__all__ = ["AccountPage", "AdminPage", "DemoPage", "LocalStorage", "PanelPage"]
