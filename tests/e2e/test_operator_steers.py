"""A person's answer moves the item itself, while it is still on the belt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page

from tests.e2e.processes import Regrade, Site, eventually


def outcome_of(site: Site, item_id: str) -> dict[str, Any] | None:
    response = site.client.get(f"/v1/items/{item_id}")
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    outcomes: list[dict[str, Any]] = response.json()["outcomes"]
    return outcomes[0] if outcomes else None


def test_an_answer_in_time_sends_the_item_to_its_lane(
    regrade: Regrade, serve: Callable[[Path], Site], tmp_path: Path, page: Page
) -> None:
    picture = tmp_path / "grey.jpg"
    Image.new("RGB", (640, 480), "grey").save(picture)  # nothing sharp in it: a person must look
    feed = tmp_path / "feed.jsonl"
    row = {"item_id": "R-1", "pictures": [str(picture)], "facts": {"item_id": "R-1"}}
    feed.write_text(json.dumps(row | {"length_mm": 300, "gap_mm": 400}))

    site = serve(tmp_path / "server")
    page.goto(f"{site.url}/review")
    page.get_by_label("Name").fill("Anna")
    page.get_by_role("button", name="Start").click()

    plc = regrade(
        *("plc", "--feed", feed, "--state", tmp_path / "plc", "--speed-mm-s", 250),
        *("--modbus-port", 0, "--camera-port", 0),
    )
    ports = plc.finds(r"modbus=(\S+) camera=(\S+)")
    regrade(
        *("sort", "--plc", ports[1], "--camera", f"http://{ports[2]}", "--server", site.url),
        *("--facts", feed, "--data", tmp_path / "controller"),
    )
    page.get_by_text("your answer steers it").wait_for(timeout=60_000)
    page.locator("#stage[data-state=ready]").wait_for()
    page.keyboard.press("2")

    outcome = eventually(lambda: outcome_of(site, "R-1"), "the item to reach its lane")
    assert (outcome["lane"], outcome["rule"], outcome["ending"]) == (
        "open-box",
        "operator",
        "diverted",
    )
    assert "Anna" in outcome["explanation"]
    record: Any = site.get("/v1/items/R-1")
    (answer,) = record["overrides"]
    assert (answer["operator"], answer["grade"]) == ("Anna", "lightly_used")
    assert answer["override_id"] == outcome["override_id"]
