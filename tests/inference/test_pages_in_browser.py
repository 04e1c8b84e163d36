"""The operators' pages in Chromium, against a server that listens on a real port."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect, sync_playwright

from inference.serving import Address, bind, make_server
from inference.settings import ServerSettings
from inference.store import Store
from tests.inference.inference_factories import (
    UNSURE,
    FakeGrader,
    belt_item,
    line_state,
    outcome,
    picture,
)

pytestmark = pytest.mark.slow
_PATIENCE_MS = 20_000
expect.set_options(timeout=_PATIENCE_MS)

_CHROMIUM = shutil.which("chromium")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    """A running server whose model is never sure."""
    listener = bind(Address("127.0.0.1", 0))
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    grader = FakeGrader(lambda views: UNSURE.model_copy(update={"quality": UNSURE.quality * views}))
    server = make_server(ServerSettings(data_dir=tmp_path), grader, store)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    host, port = listener.getsockname()
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=20) as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser: Browser, api: httpx.Client) -> Iterator[Page]:
    """A page of an operator whose name is known; a fault in a script fails the test."""
    context = browser.new_context(base_url=str(api.base_url), has_touch=True)
    context.add_init_script("localStorage.operator ||= 'Anna'")
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    context.close()
    assert not faults


def grade(api: httpx.Client, *item_ids: str, views: int = 1) -> None:
    for number, item_id in enumerate(item_ids):
        files: list[tuple[str, Any]] = [
            ("item", (None, json.dumps({"item_id": item_id, "category": "parcel"}))),
            ("capture_id", (None, f"cap-{item_id}")),
        ]
        files += [
            ("images", (f"{view}.jpg", picture(width=400, height=300 + number + view)))
            for view in range(views)
        ]
        api.post("/v1/grade", files=files).raise_for_status()


def overrides(api: httpx.Client) -> list[tuple[str, str | None, str]]:
    return [
        (each["item_id"], each["grade"], each["operator"])
        for each in api.get("/v1/overrides").json()
    ]


def shown(page: Page) -> Any:
    return page.locator(".case h1")


def press(page: Page, key: str) -> None:
    """Press a key once the desk takes answers for the item on show."""
    expect(page.locator("#stage[data-state=ready]")).to_be_visible()
    page.keyboard.press(key)


class Held:
    """Keeps the next reply to ``pattern`` that holds ``text`` until it is released."""

    def __init__(self, page: Page, pattern: str, text: str) -> None:
        self._page = page
        self._pattern = pattern
        self._text = text
        self._kept: list[tuple[Route, APIResponse]] = []
        page.route(pattern, self._look)

    def _look(self, route: Route) -> None:
        reply = route.fetch()
        if self._kept or self._text not in reply.text():
            route.fulfill(response=reply)
        else:
            self._kept.append((route, reply))

    def wait(self) -> None:
        """Until the reply has come."""
        limit = time.monotonic() + _PATIENCE_MS / 1000
        while not self._kept:
            assert time.monotonic() < limit, f"no reply to {self._pattern} with {self._text}"
            self._page.wait_for_timeout(20)  # lets Playwright call the route

    def release(self) -> None:
        """Let the page have it."""
        self.wait()
        ((route, reply),) = self._kept
        route.fulfill(response=reply)


def test_each_key_records_its_grade_and_the_next_item_is_there(
    page: Page, api: httpx.Client
) -> None:
    items = [f"R-{number}" for number in range(1, 5)]
    grade(api, *items)
    page.goto("/review")
    for item_id, key in zip(items, "1234", strict=True):
        expect(shown(page)).to_have_text(item_id)
        press(page, key)
        expect(page.locator("#toast")).to_contain_text(item_id)
    expect(page.locator("#empty")).to_be_visible()
    assert overrides(api) == [
        ("R-1", "new", "Anna"),
        ("R-2", "lightly_used", "Anna"),
        ("R-3", "repairable", "Anna"),
        ("R-4", "salvage", "Anna"),
    ]


def test_one_tap_answers(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    expect(page.locator("#stage[data-state=ready]")).to_be_visible()
    page.locator("[data-grade=salvage]").tap()
    expect(shown(page)).to_have_text("R-2")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as Salvage")
    assert overrides(api) == [("R-1", "salvage", "Anna")]


def test_undo_withdraws_the_answer_and_shows_the_item_again(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    press(page, "4")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded")
    page.keyboard.press("u")
    expect(shown(page)).to_have_text("R-1")
    expect(page.locator("#toast")).to_contain_text("answer withdrawn")
    assert overrides(api) == [("R-1", "salvage", "Anna"), ("R-1", None, "Anna")]
    press(page, "1")
    expect(shown(page)).to_have_text("R-2")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as New")
    assert api.get("/v1/items/R-1").json()["current"]["grade"] == "new"


def test_an_item_fetched_while_it_is_undone_is_not_queued_twice(
    page: Page, api: httpx.Client
) -> None:
    """The queue's reply with the undone item comes after the undo has put it on show."""
    grade(api, "R-1", "R-2")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    press(page, "4")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded")
    expect(shown(page)).to_have_text("R-2")
    queued = Held(page, "**/review/next?**", "R-1")
    undone = Held(page, "**/review/items/**", "R-1")
    page.keyboard.press("u")
    queued.wait()
    undone.release()
    expect(shown(page)).to_have_text("R-1")
    with page.expect_response("**/review/next?**"):
        queued.release()
    press(page, "1")
    expect(shown(page)).to_have_text("R-2")


def test_an_undone_item_that_the_queue_gave_first_is_not_queued_behind_itself(
    page: Page, api: httpx.Client
) -> None:
    """The undo's own reply comes after the queue has put the item on show again."""
    grade(api, "R-1")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    press(page, "4")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded")
    expect(page.locator("#empty")).to_be_visible()
    undone = Held(page, "**/review/items/**", "R-1")
    page.keyboard.press("u")
    expect(shown(page)).to_have_text("R-1")
    with page.expect_response("**/review/items/**"):
        undone.release()
    press(page, "1")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as New")
    expect(page.locator("#empty")).to_be_visible()
    assert [grade for _, grade, _ in overrides(api)] == ["salvage", None, "new"]


def test_a_skipped_item_comes_again_after_the_others(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    page.keyboard.press("s")
    expect(shown(page)).to_have_text("R-2")
    press(page, "2")
    expect(shown(page)).to_have_text("R-1")
    assert overrides(api) == [("R-2", "lightly_used", "Anna")]


def test_the_arrow_keys_turn_the_views(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", views=2)
    page.goto("/review")
    expect(page.locator(".photo:visible figcaption")).to_contain_text("View 1 of 2")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".photo:visible figcaption")).to_contain_text("View 2 of 2")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".photo:visible figcaption")).to_contain_text("View 1 of 2")


def test_damage_is_drawn_where_it_is(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1")
    page.goto("/review")
    expect(page.locator(".frame img")).to_have_js_property("complete", True)
    expect(page.locator(".frame")).to_have_attribute("style", re.compile("--ratio"))
    frame = page.locator(".frame img").bounding_box()
    edge = page.locator(".boxes .edge").bounding_box()
    assert frame
    assert edge
    assert frame["width"] / frame["height"] == pytest.approx(400 / 300, rel=0.01)
    assert (edge["x"] - frame["x"]) / frame["width"] == pytest.approx(0.2, abs=0.02)
    assert edge["height"] / frame["height"] == pytest.approx(0.4, abs=0.03)
    expect(page.locator(".boxes")).to_contain_text("dent")


def test_an_item_on_the_belt_comes_before_older_ones(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    state = line_state([belt_item("R-2", needs_review=True, steerable_s=30)])
    api.put("/v1/lines/line1/state", json=state.model_dump(mode="json")).raise_for_status()
    page.goto("/review")
    expect(shown(page)).to_have_text("R-2")
    expect(page.locator(".countdown")).to_contain_text("your answer steers it for")


def test_a_failed_answer_is_shown_and_sent_again_by_hand(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")

    def fail(route: Route) -> None:
        route.abort()

    page.route("**/overrides", fail)
    press(page, "3")
    expect(page.locator(".failure")).to_contain_text("R-1 is not recorded as Repairable")
    expect(shown(page)).to_have_text("R-2")
    assert overrides(api) == []
    page.unroute("**/overrides", fail)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".failure")).to_have_count(0)
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as Repairable")
    assert overrides(api) == [("R-1", "repairable", "Anna")]


def test_an_unsent_answer_outlives_a_reload(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    page.route("**/overrides", lambda route: route.abort())
    press(page, "3")
    expect(page.locator(".failure")).to_be_visible()
    page.unroute_all()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as Repairable")
    assert overrides(api) == [("R-1", "repairable", "Anna")]


def test_two_tabs_get_different_items(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2", "R-3", "R-4")
    with page.expect_response(re.compile(r"/review/next\?.*passed=R-1")):  # the item after it
        page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    other = page.context.new_page()
    other.goto("/review")
    expect(shown(other)).to_have_text("R-3")


def test_an_answer_that_another_person_gave_first_is_not_overwritten_unseen(
    page: Page, api: httpx.Client
) -> None:
    grade(api, "R-1")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    theirs = {"override_id": "o-1", "grade": "new", "operator": "Ben"}
    api.post("/v1/items/R-1/overrides", json=theirs).raise_for_status()
    press(page, "4")
    expect(page.locator(".failure")).to_contain_text("Ben said new")
    page.get_by_role("button", name="Record mine").click()
    expect(page.locator("#toast")).to_contain_text("R-1 recorded as Salvage")
    assert overrides(api) == [("R-1", "new", "Ben"), ("R-1", "salvage", "Anna")]


def test_the_name_is_asked_once(browser: Browser, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    context = browser.new_context(base_url=str(api.base_url))
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto("/review")
    page.get_by_label("Name").fill("Chidi <b>")
    page.get_by_role("button", name="Start").click()
    press(page, "1")
    expect(page.locator("#toast")).to_contain_text("recorded as New")
    page.reload()
    expect(page.locator("#name-dialog")).to_be_hidden()
    expect(page.locator("#operator")).to_have_text("Chidi <b>")
    context.close()
    assert overrides(api) == [("R-1", "new", "Chidi <b>")]


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
