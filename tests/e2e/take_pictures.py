"""Takes the pictures of pages in ``docs/images`` anew: ``python -m tests.e2e.take_pictures``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error, Page, expect

from regrade.demo.processes import free_port
from tests.e2e.browser import chromium, page_of_anna

IMAGES = Path(__file__).parents[2] / "docs" / "images"
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


def take_models(page: Page, url: str) -> None:
    """Who grades, after a version with other thresholds was promoted."""
    champion = page.request.get(f"{url}/v1/models").json()["roles"]["champion"]
    wish = {"base": champion, "thresholds": {"review_cost": 0.8}, "note": "peak week"}
    tuned = page.request.post(
        f"{url}/v1/models/tune", data=wish, headers={"X-Actor": "Anna"}
    ).json()
    name = f"{tuned['name']}/{tuned['version']}"
    page.goto(f"{url}/models")
    page.get_by_role("button", name=f"Promote {name}", exact=True).click()
    page.get_by_label("Why?").fill("Peak week: fewer parcels to a person")
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_contain_text("is the champion", timeout=PATIENCE_MS)
    page.screenshot(path=IMAGES / "models.png", full_page=True)


def main() -> None:
    """Run the demo, and look at it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = page_of_anna(browser, PATIENCE_MS)
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
            take_models(page, url)
        finally:
            demo.terminate()
            demo.wait()


def _answers(page: Page, url: str) -> bool:
    try:
        return page.request.get(f"{url}/v1/lines/line-1/state").ok
    except Error:
        return False  # nobody listens yet


if __name__ == "__main__":
    main()
