"""The browser that looks at the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

PATIENCE_MS = 60_000
_CHROMIUM = "/usr/bin/chromium"
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_QUIET))
        yield browser
        browser.close()


def page_of_anna(browser: Browser, patience_ms: int = PATIENCE_MS) -> Page:
    """A page whose reader has said that her name is Anna."""
    page = browser.new_page(viewport=ViewportSize(width=1280, height=800))
    page.add_init_script("localStorage.operator ||= 'Anna'")
    page.set_default_timeout(patience_ms)
    return page
