"""Takes the pictures of pages in ``docs/images`` anew: ``python -m tests.e2e.take_pictures``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error, Page, ViewportSize, expect, sync_playwright

from regrade.demo.processes import free_port
from tests.e2e.test_operator_steers import CHROMIUM, QUIET

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = ViewportSize(width=1280, height=800)
PATIENCE_MS = 120_000


def take_line(page: Page, url: str) -> None:
    """The belt, with a lane that somebody has disabled."""
    page.goto(f"{url}/line")
    expect(page.locator(".endings tbody tr")).to_have_count(4, timeout=PATIENCE_MS)
    page.get_by_role("button", name="Disable lane 4 salvage").click()
    page.get_by_role("button", name="Being emptied").click()
    expect(page.locator("#telling")).to_contain_text("done")
    page.screenshot(path=IMAGES / "line.png")


def take_review(page: Page, url: str) -> None:
    """An item on the desk, with the damage that the model found."""
    page.goto(f"{url}/review")
    expect(page.locator("#stage[data-state=ready]")).to_be_visible()
    expect(page.locator(".frame img:visible")).to_have_js_property("complete", value=True)
    page.screenshot(path=IMAGES / "review.png")


def main() -> None:
    """Run the demo, and look at it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script("localStorage.operator ||= 'Anna'")
        command = ("demo", "--no-browser", "--port", str(port), "--modbus-port", "0")
        demo = subprocess.Popen(
            [sys.executable, "-m", "regrade", *command, "--data", f"{folder}/demo"],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "DISPLAY": ""},
        )
        try:
            page.wait_for_timeout(1000)
            while demo.poll() is None and not _answers(page, url):
                page.wait_for_timeout(500)
            take_line(page, url)
            take_review(page, url)
        finally:
            demo.terminate()
            demo.wait()
            browser.close()


def _answers(page: Page, url: str) -> bool:
    try:
        return page.request.get(f"{url}/v1/lines/line-1/state").ok
    except Error:
        return False  # nobody listens yet


if __name__ == "__main__":
    main()
