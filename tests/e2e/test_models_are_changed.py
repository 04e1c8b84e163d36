"""A model is promoted and rolled back from the page, at a real server with real networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.browser import PATIENCE_MS
from tests.e2e.processes import Site


def grade(site: Site, item_id: str, picture: Path) -> dict[str, Any]:
    files: list[tuple[str, Any]] = [
        ("item", (None, json.dumps({"item_id": item_id}))),
        ("capture_id", (None, f"cap-{item_id}")),
        ("images", (picture.name, picture.read_bytes())),
    ]
    reply = site.client.post("/v1/grade", files=files)
    reply.raise_for_status()
    verdict: dict[str, Any] = reply.json()
    return verdict


def confirm(page: Page, button: str, why: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_label("Why?").fill(why)
    page.keyboard.press("Enter")


def test_a_model_is_promoted_and_rolled_back_from_the_page(
    serve: Callable[[Path], Site], tmp_path: Path, sample_pictures: list[Path], page_of_anna: Page
) -> None:
    site, page = serve(tmp_path / "server"), page_of_anna
    first: Any = site.get("/v1/models")
    champion = first["roles"]["champion"]
    wish = {"base": champion, "thresholds": {"review_cost": 9.0}, "note": "peak week"}
    tuned = site.client.post("/v1/models/tune", json=wish, headers={"X-Actor": "Eva"}).json()
    old, new = (f"{each['name']}/{each['version']}" for each in (champion, tuned))
    assert grade(site, "R-1", sample_pictures[0])["model"] == champion

    page.goto(f"{site.url}/models")
    confirm(page, f"Promote {new}", "fewer parcels in review")
    expect(page.locator("#change-doing")).to_contain_text(f"{new} is loaded beside what serves")
    expect(page.locator("#told")).to_have_text(f"Done: {new} is the champion.", timeout=PATIENCE_MS)
    expect(page.locator(".roles .card").first).to_contain_text(new)
    assert grade(site, "R-2", sample_pictures[0])["model"]["version"] == tuned["version"]

    confirm(page, f"Roll back to {old}", "too many mistakes")
    expect(page.locator("#told")).to_have_text(
        f"Done: {old} is the champion again.", timeout=PATIENCE_MS
    )
    assert grade(site, "R-3", sample_pictures[0])["model"] == champion

    history: Any = site.get("/v1/models/history")
    assert [(each["kind"], each["actor"], each["note"]) for each in history[:2]] == [
        ("rolled_back", "Anna", "too many mistakes"),
        ("promoted", "Anna", "fewer parcels in review"),
    ]
    page.goto(f"{site.url}/audit")
    rows = page.locator(".audit tbody tr")
    expect(rows.first).to_contain_text(f"champion {new} to {old}")
    expect(page.get_by_text("cut off")).to_have_count(0)
