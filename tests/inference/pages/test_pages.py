"""The operators' pages in Chromium: the line, an item, the reference, on every screen."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.inference.inference_factories import belt_item, line_state, outcome, picture
from tests.inference.pages.desk import grade, press, shown

pytestmark = pytest.mark.slow


def test_text_of_others_is_never_markup(page: Page, api: httpx.Client) -> None:
    files: list[tuple[str, Any]] = [
        ("item", (None, json.dumps({"item_id": "R-1", "sku": "<img src=x>"}))),
        ("capture_id", (None, "cap")),
        ("images", ("a.jpg", picture())),
    ]
    api.post("/v1/grade", files=files).raise_for_status()
    evil = outcome("R-1", explanation="<script>document.title='owned'</script>")
    api.post("/v1/outcomes", json=[evil.model_dump(mode="json")]).raise_for_status()
    for address in ("/items/R-1", "/line", "/review"):
        page.goto(address)
        expect(page.locator("body")).to_contain_text("R-1")
        assert "owned" not in page.title()
        expect(page.locator("img[src=x]")).to_have_count(0)


def test_the_line_page_waits_for_a_line_then_shows_it(page: Page, api: httpx.Client) -> None:
    page.goto("/")
    expect(page.locator("main")).to_contain_text("regrade sort")
    grade(api, "R-1")
    sha256 = api.get("/v1/items/R-1").json()["gradings"][0]["images"][0]
    state = line_state(
        [belt_item("R-1", image=sha256), belt_item(None, 2, grade=None, lane=None)],
        full=frozenset({"salvage"}),
        jammed=frozenset({"repair"}),
        counts=(12, 3, 4, 5, 6),
        alarms=("lane 3 repair is jammed",),
    )
    api.put("/v1/lines/line1/state", json=state.model_dump(mode="json"))
    expect(page.locator(".parcel")).to_have_count(2)
    expect(page.locator(".parcel").first).to_contain_text("Light")
    expect(page.locator(".parcel").first).to_contain_text("2 open-box")
    expect(page.locator("#lanes")).to_contain_text("Jammed")
    expect(page.locator("#lanes")).to_contain_text("Full")
    expect(page.locator("#alarms")).to_contain_text("lane 3 repair is jammed")
    expect(page.locator("#packml")).to_have_text("execute")
    expect(page.locator("#stale")).to_contain_text("No report for")
    expect(page.locator(".ask strong")).to_have_text("1")


def test_an_item_on_the_belt_becomes_a_link_once_its_plate_is_read(
    page: Page, api: httpx.Client
) -> None:
    def report(item_id: str | None) -> None:
        state = line_state([belt_item(item_id, grade=None, lane=None)])
        reply = api.put("/v1/lines/line1/state", json=state.model_dump(mode="json"))
        reply.raise_for_status()

    report(None)
    page.goto("/line")
    expect(page.locator(".parcel")).to_have_attribute("title", "plate not read")
    expect(page.locator(".parcel[href]")).to_have_count(0)
    report("R-1")
    expect(page.locator(".parcel")).to_have_attribute("href", "/items/R-1")
    expect(page.locator(".parcel")).to_have_attribute("title", "R-1")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (768, 1024)])
def test_the_picture_is_large_on_every_screen(
    page: Page, api: httpx.Client, width: int, height: int
) -> None:
    """With the answers below it, the picture is at least a quarter of the screen's height."""
    grade(api, "R-1", views=2)
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/review")
    expect(page.locator(".frame:visible")).to_have_attribute("style", re.compile("--ratio"))
    picture = page.locator(".photo:visible .frame").bounding_box()
    answers = page.locator(".answers").bounding_box()
    assert picture
    assert answers
    assert picture["height"] >= height / 4
    assert picture["y"] + picture["height"] <= answers["y"]
    assert answers["y"] + answers["height"] <= height


def test_the_item_page_says_why(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1")
    api.post("/v1/outcomes", json=[outcome("R-1").model_dump(mode="json")])
    answer = {"override_id": "o-1", "grade": "new", "operator": "Ben", "note": "only the tape"}
    api.post("/v1/items/R-1/overrides", json=answer)
    page.goto("/items/R-1")
    expect(page.locator(".because")).to_contain_text("open-box recovers 45 %")
    expect(page.locator(".timeline")).to_contain_text("only the tape")
    expect(page.locator(".headline")).to_contain_text("Decided by a person")
    page.get_by_role("link", name="Change the answer").click()
    expect(shown(page)).to_have_text("R-1")
    expect(page.locator(".answered")).to_contain_text("Ben said New")


def test_targets_are_large_enough_for_gloves(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", views=2)
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    for target in page.locator("button:visible, nav a:visible").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 64, target.inner_text()
        assert box["width"] >= 64 or target.evaluate("e => e.matches('nav a')")


def test_the_reference_needs_no_other_host(page: Page, api: httpx.Client) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/docs")
    expect(page.locator("#schema-Verdict")).to_contain_text("prediction_set")
    expect(page.locator("main")).to_contain_text("/v1/grade")
    assert all(url.startswith(str(api.base_url)) for url in asked)


def test_the_marks_can_be_taken_off_the_picture(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    expect(page.locator(".boxes:visible")).to_contain_text("1 dent")
    page.keyboard.press("m")
    expect(page.locator(".boxes:visible")).to_have_count(0)
    press(page, "1")
    expect(shown(page)).to_have_text("R-2")
    expect(page.locator(".boxes:visible")).to_have_count(0)
    button = page.get_by_role("button", name="Marks", exact=True)
    expect(button).to_have_attribute("aria-pressed", "false")
    button.tap()
    expect(page.locator(".boxes:visible")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 1024, 768])
def test_the_head_of_the_review_desk_fits_every_screen(
    page: Page, api: httpx.Client, width: int
) -> None:
    urgent = [{"item_id": f"R-{number}", "left_s": 3.0} for number in (1, 2, 3)]
    state = {"in_review": 1234, "urgent": urgent}
    page.route("**/review/state?**", lambda route: route.fulfill(json=state))
    page.set_viewport_size({"width": width, "height": 768})
    page.goto("/review")
    expect(page.locator("#urgent")).to_be_visible()
    line = page.locator("#urgent span").evaluate("e => e.getClientRects().length")
    assert line == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
