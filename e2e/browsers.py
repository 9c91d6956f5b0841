"""The system's own browsers, driven by Playwright.

Firefox is the stock ESR over WebDriver BiDi (`moz-firefox`), not Playwright's patched build. What that lacks beside
Chromium: emulated colour schemes and devices, the protocol of the developer tools, long-task timings.
"""

import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright

ENGINES = ("chromium", "firefox")
# Chromium makes two pages of its own for each window, for an address line nobody sees: more work than the page tested.
UNSEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")
# What Playwright switches off itself. Of two such lists only the last counts, so its own stands here again.
UNWANTED = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "DialMediaRouteProvider",
    "GlobalMediaControls", "HttpsUpgrades", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "BlockOriginHeaderModificationOnRedirect", "AvoidCorsURLLoaderRestartOnRedirect",
    "Translate", "AutoDeElevate", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
)  # fmt: skip
# For specs whose Firefox form shows in `make soak` what a smaller one shows every day.
FIREFOX_AT_LENGTH = ("chromium", pytest.param("firefox", marks=pytest.mark.soak))
PROGRAMS = {"chromium": ("chromium", "chromium-browser"), "firefox": ("firefox-esr", "firefox")}


def both(names: Collection[str], *, firefox: Collection[str]) -> list[Any]:
    """Return (engine, name): all in Chromium, and in Firefox those of `firefox`, the others there in `make soak`."""
    everyday = [
        pytest.param(engine, name, id=f"{engine}-{name}")
        for engine in ENGINES
        for name in names
        if engine == "chromium" or name in firefox
    ]
    rest = [
        pytest.param("firefox", name, id=f"firefox-{name}", marks=pytest.mark.soak)
        for name in names
        if name not in firefox
    ]
    return [*everyday, *rest]


def launch(playwright: Playwright, engine: str) -> Browser:
    """Start one browser; raises when it is not installed, for a missing browser must never pass as a skipped test."""
    if engine == "firefox":
        return playwright.firefox.launch(channel="moz-firefox", executable_path=program(engine))
    return playwright.chromium.launch(executable_path=program(engine), args=chromium_arguments())


def launch_private_firefox(playwright: Playwright) -> Browser:
    """Start Firefox with private windows only."""
    return playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=program("firefox"),
        firefox_user_prefs={"browser.privatebrowsing.autostart": True},
    )


def launch_on(playwright: Playwright, engine: str, profile: Path, **options: Any) -> BrowserContext:
    """Start one on a profile folder that outlives it."""
    if engine == "firefox":
        return playwright.firefox.launch_persistent_context(
            profile, channel="moz-firefox", executable_path=program(engine), **options
        )
    return playwright.chromium.launch_persistent_context(
        profile, executable_path=program(engine), args=chromium_arguments(), **options
    )


def program(engine: str) -> str:
    """Return the path of the engine's program; raises FileNotFoundError."""
    for name in PROGRAMS[engine]:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(f"{engine} is not installed")


def chromium_arguments() -> list[str]:
    """Return Chromium's options: its sandbox refuses to run as root, and small machines have a small /dev/shm."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [*root, "--disable-dev-shm-usage", f"--disable-features={','.join((*UNSEEN, *UNWANTED))}"]
