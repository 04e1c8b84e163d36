"""The review desk in Chromium: one key or tap for each answer, and the next item at once."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.inference.inference_factories import belt_item, line_state
from tests.inference.pages.desk import PATIENCE_MS, Held, grade, overrides, press, shown

pytestmark = pytest.mark.slow


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


def test_a_failed_answer_is_shown_and_sent_again_by_itself(page: Page, api: httpx.Client) -> None:
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
    page.reload()
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
    page.set_default_timeout(PATIENCE_MS)
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


def test_undo_means_the_last_answer_while_it_is_on_its_way(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2", "R-3")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    press(page, "1")
    expect(page.locator("#toast")).to_contain_text("R-1 recorded")
    expect(shown(page)).to_have_text("R-2")
    slow = Held(page, "**/R-2/overrides", "R-2")
    press(page, "4")
    slow.wait()
    page.keyboard.press("u")
    slow.release()
    expect(page.locator("#toast")).to_contain_text("R-2 answer withdrawn")
    expect(shown(page)).to_have_text("R-2")
    assert [(item, grade) for item, grade, _ in overrides(api)] == [
        ("R-1", "new"),
        ("R-2", "salvage"),
        ("R-2", None),
    ]


def test_undo_takes_back_an_answer_that_did_not_arrive(page: Page, api: httpx.Client) -> None:
    grade(api, "R-1", "R-2")
    page.goto("/review")
    expect(shown(page)).to_have_text("R-1")
    page.route("**/overrides", lambda route: route.abort())
    press(page, "4")
    expect(page.locator(".failure")).to_be_visible()
    page.unroute_all()
    page.keyboard.press("u")
    expect(shown(page)).to_have_text("R-1")
    expect(page.locator(".failure")).to_have_count(0)
    assert api.get("/v1/items/R-1").json()["current"]["status"] == "review"


def test_answers_given_while_the_server_is_away_arrive_once_each(
    page: Page, api: httpx.Client
) -> None:
    """The replies are lost too: the server has the answers, and the page does not know it."""
    items = [f"R-{number}" for number in range(1, 4)]
    grade(api, *items)
    page.goto("/review")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/overrides", lose)
    for item_id in items[:2]:
        expect(shown(page)).to_have_text(item_id)
        press(page, "3")
    expect(page.locator(".failure")).to_have_count(2)
    page.unroute_all(behavior="wait")
    expect(page.locator(".failure")).to_have_count(0)
    assert [item for item, _, _ in overrides(api)] == items[:2]


def test_the_name_is_shown_also_where_a_script_comes_late(page: Page, api: httpx.Client) -> None:
    routes: list[Route] = []
    page.route("**/static/operator.js", lambda route: routes.append(route))  # noqa: PLW0108 - Playwright names its handlers
    with page.expect_response("**/v1/me"):
        page.goto("/review", wait_until="commit")
    page.evaluate("me.then(() => null)")
    (held,) = routes
    held.continue_()
    expect(page.locator("#operator")).to_be_visible()
    expect(page.locator("#operator")).to_have_text("Anna")
